/* The protocols of lines: Redis pub/sub (RESP3, so that one connection subscribes and publishes), NATS, IRC.
 *
 * Every message that a run brings has the same length and the same octets around the text and the sender's name, so the
 * first is searched for the text, and what follows is held against it (`struct pattern`).
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

/* How messages look to one reader: what stands before the text, and where in it the sender's name is (IRC). */
struct pattern {
    uint8_t before[FRAME_MAX];
    size_t length;  /* 0: none came yet */
    size_t name;    /* where; 0: there is none */
};

static struct pattern *patterns;

static struct pattern *pattern_of(const struct conn *c) {
    if (!patterns) patterns = calloc(members, sizeof *patterns);
    return patterns + c->index;
}

/* Takes messages as long as they look like the first; returns how many octets. */
static size_t take_messages(struct conn *c, const uint8_t *data, size_t length) {
    const struct pattern *pattern = pattern_of(c);
    size_t before = pattern->length, size = before + TEXT + 2, named = pattern->name, at = 0;
    if (!before) return 0;
    for (; length - at >= size; at += size) {
        const uint8_t *frame = data + at, *end = frame + before + TEXT;
        if (end[0] != '\r' || end[1] != '\n') break;
        if (!named) {
            if (memcmp(frame, pattern->before, before) != 0) break;
            take_text(c, frame + before);
        } else {
            size_t behind = named + NAME;
            if (memcmp(frame, pattern->before, named) != 0) break;
            if (memcmp(frame + behind, pattern->before + behind, before - behind) != 0) break;
            char name[NAME + 1];
            name_of(take_text(c, frame + before), name);
            if (memcmp(frame + named, name, NAME) != 0) fail("member %u: a message of another sender", c->index);
        }
    }
    return at;
}

static void learn(struct conn *c, const uint8_t *before, size_t length, size_t name) {
    struct pattern *pattern = pattern_of(c);
    if (pattern->length) fail("member %u: '%.*s' is not like the messages before", c->index, (int)length, before);
    memcpy(pattern->before, before, length);
    pattern->length = length;
    pattern->name = name;
}

/* The length of the line, with its end; 0 if it is not whole. */
static size_t line_length(const uint8_t *data, size_t length) {
    const uint8_t *end = memchr(data, '\n', length);
    return end ? (size_t)(end - data) + 1 : 0;
}

static bool begins(const uint8_t *line, size_t length, const char *with) {
    return length >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* Where the messages for that member go. */
static const char *subject(uint32_t index) {
    static char name[NAME + 1];
    name_of(index, name);
    return in_pairs() ? name : room;
}

static const char *target(const struct conn *c) { return subject(in_pairs() ? c->partner : c->index); }

typedef size_t line_taker(struct conn *c, const uint8_t *line, size_t length, size_t left);

/* Takes messages and other lines by turns. `other` returns how many octets it took, 0 if it needs more. */
static size_t parse_lines(struct conn *c, const uint8_t *data, size_t length, line_taker *other) {
    size_t at = 0;
    for (;;) {
        at += take_messages(c, data + at, length - at);
        size_t line = line_length(data + at, length - at);
        size_t taken = line ? other(c, data + at, line, length - at) : 0;
        if (!taken) return at;
        at += taken;
    }
}

/* A message whose first line says how long the text is: learn how it looks, and let `take_messages` take it. */
static size_t headed(struct conn *c, const uint8_t *data, size_t before, size_t left) {
    if (left < before + TEXT + 2) return 0;
    learn(c, data, before, 0);
    return take_messages(c, data, before + TEXT + 2);
}

/* NATS. */

static size_t nats_hello_with(struct conn *c, char *out, const char *verbose) {
    char sub[64] = "";
    if (shape != IDLE) snprintf(sub, sizeof sub, "SUB %s 1\r\n", subject(c->index));
    return (size_t)sprintf(out, "CONNECT {\"verbose\":%s,\"pedantic\":false}\r\n%sPING\r\n", verbose, sub);
}

static size_t nats_hello(struct conn *c, char *out) { return nats_hello_with(c, out, "false"); }
static size_t nats_hello_verbose(struct conn *c, char *out) { return nats_hello_with(c, out, "true"); }

static size_t nats_publish(struct conn *c, uint8_t *out, const uint8_t *text) {
    return (size_t)sprintf((char *)out, "PUB %s %d\r\n%.*s\r\n", target(c), TEXT, TEXT, (const char *)text);
}

static size_t nats_line(struct conn *c, const uint8_t *line, size_t length, size_t left) {
    if (begins(line, length, "MSG ")) {
        struct pattern *pattern = pattern_of(c);
        if (pattern->length && left < pattern->length + TEXT + 2) return 0;
        return headed(c, line, length, left);
    }
    if (begins(line, length, "+OK")) {
        if (c->ready) c->confirmed++;
    } else if (begins(line, length, "PONG")) c->ready = true;
    else if (begins(line, length, "PING")) say(c, "PONG\r\n", 6);
    else if (!begins(line, length, "INFO ")) fail("member %u: %.*s", c->index, (int)length, line);
    return length;
}

static size_t nats_parse(struct conn *c, const uint8_t *data, size_t length) {
    return parse_lines(c, data, length, nats_line);
}

const struct protocol nats = {"nats", true, false, nats_hello, nats_publish, nats_parse};
const struct protocol nats_verbose = {"nats-verbose", true, true, nats_hello_verbose, nats_publish, nats_parse};

/* Redis. */

static size_t redis_hello(struct conn *c, char *out) {
    char subscribe[64] = "";
    if (shape != IDLE) snprintf(subscribe, sizeof subscribe, "SUBSCRIBE %s\r\n", subject(c->index));
    return (size_t)sprintf(out, "HELLO 3\r\n%sPING\r\n", subscribe);
}

static size_t redis_publish(struct conn *c, uint8_t *out, const uint8_t *text) {
    const char *to = target(c);
    return (size_t)sprintf((char *)out, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%d\r\n%.*s\r\n", strlen(to), to, TEXT,
                           TEXT, (const char *)text);
}

static size_t redis_line(struct conn *c, const uint8_t *line, size_t length, size_t left) {
    static const char message[] = ">3\r\n$7\r\nmessage\r\n";
    if (!c->ready) {  /* the answers to HELLO and SUBSCRIBE: of no interest but for refusals */
        if (line[0] == '-') fail("member %u: %.*s", c->index, (int)length, line);
        c->ready = begins(line, length, "+PONG");
        return length;
    }
    if (line[0] == ':') {
        c->confirmed++;
        return length;
    }
    if (left < sizeof message - 1) return 0;
    if (!begins(line, left, message)) fail("member %u: %.*s", c->index, (int)length, line);
    size_t at = length;
    for (int lines = 0; lines < 5; lines++) {  /* up to the length of the text */
        size_t more = line_length(line + at, left - at);
        if (!more) return 0;
        at += more;
    }
    if (pattern_of(c)->length && left < pattern_of(c)->length + TEXT + 2) return 0;
    return headed(c, line, at, left);
}

static size_t redis_parse(struct conn *c, const uint8_t *data, size_t length) {
    return parse_lines(c, data, length, redis_line);
}

const struct protocol redis = {"redis", true, true, redis_hello, redis_publish, redis_parse};

/* IRC. */

static size_t irc_hello(struct conn *c, char *out) {
    char name[NAME + 1];
    name_of(c->index, name);
    return (size_t)sprintf(out, "NICK %s\r\nUSER load 0 * :load\r\n", name);
}

static size_t irc_publish(struct conn *c, uint8_t *out, const uint8_t *text) {
    return (size_t)sprintf((char *)out, "PRIVMSG %s :%.*s\r\n", target(c), TEXT, (const char *)text);
}

static void irc_registered(struct conn *c) {
    char join[64];
    if (shape == ROOM) say(c, join, (size_t)snprintf(join, sizeof join, "JOIN %s\r\n", room));
    else c->ready = true;
}

static size_t irc_line(struct conn *c, const uint8_t *line, size_t length, size_t left) {
    (void)left;
    const uint8_t *space = line[0] == ':' ? memchr(line, ' ', length) : NULL;
    const uint8_t *command = space ? space + 1 : line;
    size_t rest = length - (size_t)(command - line);
    if (begins(command, rest, "PRIVMSG ")) {
        if (length < TEXT + 2) fail("member %u: %.*s", c->index, (int)length, line);
        learn(c, line, length - TEXT - 2, 1);
        return take_messages(c, line, length);
    }
    if (begins(command, rest, "PING ")) {
        char pong[512];
        say(c, pong, (size_t)snprintf(pong, sizeof pong, "PONG %.*s", (int)rest - 5, command + 5));
    } else if (begins(command, rest, "376 ") || begins(command, rest, "422 ")) irc_registered(c);
    else if (begins(command, rest, "366 ")) c->ready = true;
    else if (begins(command, rest, "ERROR ") || begins(command, rest, "4"))
        fail("member %u: %.*s", c->index, (int)length, line);
    return length;
}

static size_t irc_parse(struct conn *c, const uint8_t *data, size_t length) {
    return parse_lines(c, data, length, irc_line);
}

const struct protocol irc = {"irc", false, false, irc_hello, irc_publish, irc_parse};
