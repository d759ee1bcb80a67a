/* Causerie. Beside the texts it checks that seq has no gaps, that timestamps never fall, who the sender is said to be,
 * the txn, and that ACKs come in order, behind their MESSAGE, with its seq. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADER = 8, JOIN = 0x20, LOGIN = 0x02, HELLO = 0x01, SEND = 0x10 };
enum { READY = 0x82, BYE = 0x85, ERROR = 0x8f, ACK = 0x90, MESSAGE = 0xa0, CONVERSATION = 0xb0 };

static uint64_t u64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
    return __builtin_bswap64(value);
}

static void put(uint8_t *p, uint64_t value, int octets) {
    for (int i = octets; i--; value >>= 8) p[i] = (uint8_t)value;
}

static size_t head(uint8_t *out, size_t length, uint8_t type, uint16_t ref) {
    put(out, length, 4);
    out[4] = type;
    out[5] = 0;
    put(out + 6, ref, 2);
    return HEADER + length;
}

static uint8_t *str8(uint8_t *p, const char *text) {
    size_t length = strlen(text);
    *p++ = (uint8_t)length;
    memcpy(p, text, length);
    return p + length;
}

static bool joins(void) { return shape == ROOM && strcmp(room, "#lobby") != 0; }

static size_t hello(struct conn *c, char *buffer) {
    uint8_t *out = (uint8_t *)buffer, *p = out + HEADER;
    char name[NAME + 1];
    name_of(c->index, name);
    memcpy(p, "CAUS\1\1\0\0", 8);
    p = str8(p + 8, "load");
    *p++ = joins();
    if (joins()) p = str8(p, "rooms");
    out += head(out, (size_t)(p - out) - HEADER, HELLO, 1);
    p = str8(out + HEADER, "TOKEN");
    p = str8(str8(p, name), name);
    put(p, 32, 2);
    memset(p + 2, 'x', 32);
    memcpy(p + 2, name, NAME);
    out += head(out, (size_t)(p + 34 - out) - HEADER, LOGIN, 2);
    if (joins()) {
        p = str8(out + HEADER, room);
        out += head(out, (size_t)(p - out) - HEADER, JOIN, 3);
    }
    return (size_t)(out - (uint8_t *)buffer);
}

/* The name of the one conversation that a member is in. */
static size_t conversation(const struct conn *c, uint8_t *out) {
    char name[NAME + 2] = "@";
    if (in_pairs()) name_of(c->partner, name + 1);
    return (size_t)(str8(out, in_pairs() ? name : room) - out);
}

static uint64_t txn(uint32_t sender, uint32_t number) { return (uint64_t)(sender + 1) << 40 | number; }

static uint16_t ref_of(uint32_t number) { return (uint16_t)(number % 65535 + 1); }

static size_t publish(struct conn *c, uint8_t *out, const uint8_t *text) {
    size_t at = HEADER + conversation(c, out + HEADER);
    put(out + at, txn(c->index, c->sent), 8);
    out[at + 8] = 0;
    put(out + at + 9, TEXT, 2);
    memcpy(out + at + 11, text, TEXT);
    return head(out, at + 11 + TEXT - HEADER, SEND, ref_of(c->sent));
}

static void take_seq(struct conn *c, uint64_t seq, uint64_t timestamp) {
    if (seq != c->next_seq && c->next_seq) fail("member %u: seq %lu in place of %lu", c->index, seq, c->next_seq);
    if (timestamp < c->timestamp) fail("member %u: the timestamp of seq %lu falls", c->index, seq);
    c->next_seq = seq + 1;
    c->timestamp = timestamp;
}

static void take_message(struct conn *c, const uint8_t *frame, size_t length) {
    static char names[4096][NAME + 1];
    static uint8_t expected[FRAME_MAX];
    static uint32_t whose = UINT32_MAX;
    static size_t named;
    if (whose != c->index) {  /* one conversation for each reader */
        named = conversation(c, expected);
        whose = c->index;
    }
    const uint8_t *p = frame + HEADER;
    if (memcmp(p, expected, named) != 0) fail("member %u: a message of another conversation", c->index);
    p += named;
    take_seq(c, u64(p), u64(p + 8));
    const uint8_t *sender = p + 17, *rest = sender + p[16];
    if (rest[8] != 0) return;  /* JOINED */
    if (p[16] != NAME || length != (size_t)(rest + 11 + TEXT - frame) || rest[9] != 0 || rest[10] != TEXT)
        fail("member %u: a message with other lengths", c->index);
    uint32_t from = take_text(c, rest + 11);
    if (!names[from][0]) name_of(from, names[from]);
    if (memcmp(sender, names[from], NAME) != 0) fail("member %u: a message of another sender", c->index);
    if (u64(rest) != txn(from, c->next[from] - 1)) fail("member %u: another txn", c->index);
    if (from == c->index) c->own_seq[(c->next[from] - 1) % RING] = u64(p);
}

static void take_ack(struct conn *c, const uint8_t *frame) {
    uint32_t number = c->confirmed++;
    if (frame[6] << 8 != (ref_of(number) & 0xff00) || frame[7] != (ref_of(number) & 0xff))
        fail("member %u: ACK %u is of another request", c->index, number);
    if (number >= c->next[c->index]) fail("member %u: ACK %u came before its MESSAGE", c->index, number);
    if (u64(frame + HEADER) != c->own_seq[number % RING]) fail("member %u: ACK %u has another seq", c->index, number);
    if (frame[HEADER + 16] != 0) fail("member %u: ACK %u is of a duplicate", c->index, number);
}

static void take_other(struct conn *c, const uint8_t *frame, size_t length) {
    if (frame[4] == BYE) fail("member %u: BYE %.*s", c->index, (int)length - 15, frame + 15);
    if (frame[4] == ERROR) fail("member %u: ERROR %.*s", c->index, (int)length - 15, frame + 15);
    if (frame[4] == CONVERSATION) c->next_seq = u64(frame + HEADER + 1 + frame[HEADER] + 8);
    if (frame[4] == (joins() ? CONVERSATION : READY)) {
        c->ready = true;
        c->own_seq = calloc(RING, sizeof *c->own_seq);
    }
}

static size_t parse(struct conn *c, const uint8_t *data, size_t length) {
    size_t at = 0;
    while (length - at >= HEADER) {
        const uint8_t *frame = data + at;
        uint32_t body;
        memcpy(&body, frame, 4);
        size_t size = HEADER + __builtin_bswap32(body);
        if (length - at < size) break;
        if (frame[4] == MESSAGE) take_message(c, frame, size);
        else if (frame[4] == ACK) take_ack(c, frame);
        else take_other(c, frame, size);
        at += size;
    }
    return at;
}

const struct protocol causerie = {"causerie", true, true, hello, publish, parse};
