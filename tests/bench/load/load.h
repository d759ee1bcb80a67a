/* The load generator's parts: what all protocols share.
 *
 * In here: connections, the texts that are sent, and the check of each text that comes. A protocol (`struct protocol`)
 * knows how its frames look; `main.c` knows who sends when. Nothing is trusted: a text that is altered, lost, repeated
 * or out of order ends the run with exit status 1.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TEXT 64      /* octets in each text */
#define NAME 5       /* octets in each member's name: m0000 ... */
#define REST 4096    /* octets of an unfinished frame, at most */
#define RING 65536   /* messages of one sender that may be outstanding, at most */
#define FRAME_MAX 256 /* octets in a frame that publishes one text, at most */

struct conn {
    int fd;
    uint32_t index;      /* which member, from 0 */
    uint32_t partner;    /* to whom it writes, in pairs */
    bool ready;          /* set by the protocol: logged in, and member of the room */
    uint32_t sent;       /* messages published */
    uint32_t confirmed;  /* those that the server acknowledged, if the protocol does that */
    uint32_t *next;      /* for each sender: the number of the message that must come next */
    uint64_t next_seq;   /* Causerie: the seq that must come next; 0 not known yet */
    uint64_t timestamp;  /* Causerie: of the last message */
    uint64_t *own_seq;   /* Causerie: the seq of each of its own messages, by number modulo RING */
    uint8_t *out;        /* what the kernel did not take */
    size_t out_length, out_room;
    size_t rest_length;
    uint8_t rest[REST];
};

struct protocol {
    const char *name;
    bool echoes;    /* does a sender in the room get its own messages? */
    bool confirms;  /* is every message acknowledged? */
    /* What a client says first. Returns its length. */
    size_t (*hello)(struct conn *c, char *out);
    /* One message with that text. Returns its length. */
    size_t (*publish)(struct conn *c, uint8_t *out, const uint8_t *text);
    /* Takes whole frames, and returns how many octets they have. */
    size_t (*parse)(struct conn *c, const uint8_t *data, size_t length);
};

extern const struct protocol causerie, mqtt, mqtt_qos1, redis, nats, nats_verbose, irc;

/* The run. */
enum shape { ROOM, PAIRS, ROUND_TRIP, IDLE };
extern enum shape shape;
extern const char *room;          /* its name, with the sign that the protocol wants; unless in PAIRS */
extern uint32_t members;
extern uint64_t delivered;        /* texts that reached those they were for */
extern uint8_t filler[];          /* what texts are filled with */

static inline bool in_pairs(void) { return shape == PAIRS || shape == ROUND_TRIP; }

void name_of(uint32_t index, char *out);      /* NAME octets, and a 0 */
void say(struct conn *c, const void *data, size_t length);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text begins with 8 octets of 6 bits each, from '0' on: 12 bits for who, 36 bits for the number. */

static inline uint64_t pack_id(uint32_t sender, uint32_t number) {
    uint64_t id = (uint64_t)sender << 36 | number, octets = 0;
    for (int i = 0; i < 8; i++) octets |= (uint64_t)('0' + (id >> (6 * (7 - i)) & 63)) << (8 * (7 - i));
    return octets;
}

static inline uint64_t unpack_id(const uint8_t *text) {
    uint64_t v;
    memcpy(&v, text, 8);
    v = __builtin_bswap64(v) - 0x3030303030303030;
    v = (v & 0x003f003f003f003f) | (v & 0x3f003f003f003f00) >> 2;
    v = (v & 0x00000fff00000fff) | (v & 0x0fff00000fff0000) >> 4;
    return (v & 0xffffff) | (v & 0x00ffffff00000000) >> 8;
}

static inline void write_text(uint8_t *text, uint32_t sender, uint32_t number) {
    uint64_t id = __builtin_bswap64(pack_id(sender, number));
    memcpy(text, &id, 8);
    memcpy(text + 8, filler + (number & 63), TEXT - 8);
}

/* A text came to `c`. Checks all of it, and returns who sent it. */
static inline uint32_t take_text(struct conn *c, const uint8_t *text) {
    uint64_t id = unpack_id(text);
    uint32_t sender = (uint32_t)(id >> 36), number = (uint32_t)id;
    if (__builtin_expect(sender >= members, 0)) fail("member %u: a text from nobody", c->index);
    if (__builtin_expect(number != c->next[sender], 0))
        fail("member %u: text %u of member %u came in place of %u", c->index, number, sender, c->next[sender]);
    if (__builtin_expect(memcmp(text + 8, filler + (number & 63), TEXT - 8) != 0, 0))
        fail("member %u: text %u of member %u is altered", c->index, number, sender);
    c->next[sender] = number + 1;
    if (!in_pairs() || sender != c->index) delivered++;
    return sender;
}

#endif
