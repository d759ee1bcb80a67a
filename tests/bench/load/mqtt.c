/* MQTT 3.1.1. Readers subscribe with QoS 0; `mqtt_qos1` publishes with QoS 1, so that each message is acknowledged. */
#include "load.h"

#include <stdio.h>

enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, PUBACK = 0x40, SUBSCRIBE = 0x82, SUBACK = 0x90 };

static size_t str16(uint8_t *out, const char *text) {
    size_t length = strlen(text);
    out[0] = 0;
    out[1] = (uint8_t)length;
    memcpy(out + 2, text, length);
    return 2 + length;
}

/* Where the messages for that member go. */
static size_t topic(uint32_t index, uint8_t *out) {
    char name[NAME + 1];
    name_of(index, name);
    return str16(out, in_pairs() ? name : room);
}

static size_t hello(struct conn *c, char *buffer) {
    uint8_t *out = (uint8_t *)buffer;
    char name[NAME + 1];
    name_of(c->index, name);
    memcpy(out, "\x10\x00\x00\x04MQTT\x04\x02\x00\x00", 12);
    size_t length = 12 + str16(out + 12, name);
    out[1] = (uint8_t)(length - 2);
    if (shape == IDLE) return length;
    out += length;
    memcpy(out, "\x82\x00\x00\x01", 4);
    size_t size = 4 + topic(c->index, out + 4);
    out[size++] = 0;
    out[1] = (uint8_t)(size - 2);
    return length + size;
}

static size_t publish_with(struct conn *c, uint8_t *out, const uint8_t *text, uint8_t qos) {
    size_t at = 2 + topic(in_pairs() ? c->partner : c->index, out + 2);
    out[0] = PUBLISH | (uint8_t)(qos << 1);
    if (qos) {
        uint32_t id = c->sent % 65535 + 1;
        out[at++] = (uint8_t)(id >> 8);
        out[at++] = (uint8_t)id;
    }
    memcpy(out + at, text, TEXT);
    out[1] = (uint8_t)(at + TEXT - 2);
    return at + TEXT;
}

static size_t publish(struct conn *c, uint8_t *out, const uint8_t *text) { return publish_with(c, out, text, 0); }
static size_t publish_qos1(struct conn *c, uint8_t *out, const uint8_t *text) { return publish_with(c, out, text, 1); }

static size_t parse(struct conn *c, const uint8_t *data, size_t length) {
    size_t at = 0;
    while (length - at >= 2) {
        const uint8_t *frame = data + at;
        size_t size = 2 + frame[1];
        if (frame[1] > 127) fail("member %u: a frame longer than any that is expected", c->index);
        if (length - at < size) break;
        switch (frame[0]) {
        case PUBLISH:
            if (size != 4u + frame[3] + TEXT) fail("member %u: a message with another length", c->index);
            take_text(c, frame + size - TEXT);
            break;
        case PUBACK:
            if ((uint32_t)(frame[2] << 8 | frame[3]) != c->confirmed++ % 65535 + 1)
                fail("member %u: a PUBACK out of order", c->index);
            break;
        case CONNACK:
            if (frame[3]) fail("member %u: refused, %u", c->index, frame[3]);
            c->ready = shape == IDLE;
            break;
        case SUBACK:
            c->ready = true;
            break;
        default:
            fail("member %u: an unexpected frame %#x", c->index, frame[0]);
        }
        at += size;
    }
    return at;
}

const struct protocol mqtt = {"mqtt", true, false, hello, publish, parse};
const struct protocol mqtt_qos1 = {"mqtt-qos1", true, true, hello, publish_qos1, parse};
