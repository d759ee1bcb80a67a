/* The load generator: publishes texts through a server, and checks that every one of them reaches everybody it is for,
 * once, in order and intact.
 *
 *     load PROTOCOL PORT PID SHAPE key=value ...
 *
 * PID is the server's, for its CPU time and memory. Shapes:
 *
 *     room        members publish in turn, `batch` texts a write, with `window` texts outstanding in all
 *     pairs       each member writes to its partner, with `window` texts outstanding; the partner's deliveries count
 *     round-trip  two members answer each other, one text outstanding
 *     idle        members who only are there
 *
 * Other keys: members, room (its name), warmup and seconds. Prints one JSON object; exit status 1 if anything is lost,
 * altered or out of order. One thread, epoll; sockets on 127.0.0.1 with TCP_NODELAY.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SCRATCH = 1 << 20, EVENTS = 1024, TOGETHER = 32, TIMEOUT = 30, TRIPS_MAX = 1 << 22 };

enum shape shape;
const char *room = "#lobby";
uint32_t members = 100;
uint64_t delivered;
uint8_t filler[64 + TEXT];

static const struct protocol *const protocols[] = {&causerie, &mqtt, &mqtt_qos1, &redis, &nats, &nats_verbose, &irc};
static const char *const shapes[] = {"room", "pairs", "round-trip", "idle"};
static const struct protocol *protocol;
static int port, pid, poller;
static uint32_t window = 2048, batch = 64;
static double warmup = 0.5, seconds = 2;
static struct conn **conns;
static uint64_t published;

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void name_of(uint32_t index, char *out) {
    out[0] = 'm';
    for (int i = NAME - 1; i > 0; i--, index /= 10) out[i] = (char)('0' + index % 10);
    out[NAME] = 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the server costs. */

static FILE *open_proc(const char *what) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    return file;
}

static double server_cpu(void) {
    unsigned long user, system;
    FILE *file = open_proc("stat");
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail("no CPU times of %d", pid);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double server_kib(void) {
    char line[256];
    long kib = 0;
    FILE *file = open_proc("status");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(file);
    return (double)kib;
}

static double own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* Octets to and fro. */

static void watch(struct conn *c, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (c->out_length ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static size_t push(struct conn *c, const uint8_t *data, size_t length) {
    ssize_t count = send(c->fd, data, length, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) fail("member %u: send: %s", c->index, strerror(errno));
    return count < 0 ? 0 : (size_t)count;
}

void say(struct conn *c, const void *data, size_t length) {
    size_t taken = c->out_length ? 0 : push(c, data, length), left = length - taken;
    if (!left) return;
    if (c->out_room < c->out_length + left) c->out = realloc(c->out, c->out_room = 2 * (c->out_length + left));
    memcpy(c->out + c->out_length, (const uint8_t *)data + taken, left);
    bool begun = !c->out_length;
    c->out_length += left;
    if (begun) watch(c, EPOLL_CTL_MOD);
}

static void write_on(struct conn *c) {
    size_t taken = push(c, c->out, c->out_length);
    c->out_length -= taken;
    memmove(c->out, c->out + taken, c->out_length);
    if (!c->out_length) watch(c, EPOLL_CTL_MOD);
}

static void read_on(struct conn *c) {
    static uint8_t scratch[REST + SCRATCH];
    memcpy(scratch, c->rest, c->rest_length);
    ssize_t count = recv(c->fd, scratch + c->rest_length, SCRATCH, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("member %u: the server closed: %s", c->index, count ? strerror(errno) : "end of stream");
    size_t length = c->rest_length + (size_t)count, taken = protocol->parse(c, scratch, length);
    c->rest_length = length - taken;
    if (c->rest_length > REST) fail("member %u: a frame that does not end", c->index);
    memcpy(c->rest, scratch + taken, c->rest_length);
}

static void turn(int milliseconds) {
    static struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, milliseconds);
    for (int i = 0; i < count; i++) {
        struct conn *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) write_on(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT) read_on(c);
    }
}

/* Members. */

static struct conn *begin(uint32_t index) {
    char hello[1024];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct conn *c = calloc(1, sizeof *c);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->index = index;
    c->partner = index ^ 1;
    if (shape != IDLE) c->next = calloc(members, sizeof *c->next);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        fail("connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c, EPOLL_CTL_ADD);
    say(c, hello, protocol->hello(c, hello));
    return c;
}

static void begin_all(uint32_t from, uint32_t to) {
    double deadline = now() + 2 * TIMEOUT;
    uint32_t begun = from, ready = from;
    while (ready < to) {
        while (begun < to && begun < ready + TOGETHER) conns[begun] = begin(begun), begun++;
        turn(100);
        while (ready < begun && conns[ready]->ready) ready++;
        if (now() > deadline) fail("member %u is not ready after %d s", ready, 2 * TIMEOUT);
    }
}

static void publish(struct conn *c, uint32_t count) {
    static uint8_t buffer[FRAME_MAX * 4096];
    uint8_t text[TEXT], *end = buffer;
    for (uint32_t i = 0; i < count; i++) {
        write_text(text, c->index, c->sent);
        end += protocol->publish(c, end, text);
        c->sent++;
    }
    published += count;
    say(c, buffer, (size_t)(end - buffer));
}

static uint64_t readers(void) { return in_pairs() ? 1 : members - !protocol->echoes; }

static void publish_room(void) {
    static uint32_t whose;
    while (published * readers() - delivered + batch * readers() <= window * readers()) {
        publish(conns[whose], batch);
        whose = (whose + 1) % members;
    }
}

static void publish_pairs(void) {
    for (uint32_t i = 0; i < members; i++) {
        struct conn *c = conns[i];
        uint32_t outstanding = c->sent - conns[c->partner]->next[i];
        if (outstanding < window) publish(c, window - outstanding);
    }
}

/* Did everything arrive? Nothing arrived twice or too early: `take_text` saw to that. */
static bool complete(void) {
    for (uint32_t i = 0; i < members; i++) {
        const struct conn *c = conns[i];
        if (protocol->confirms && c->confirmed != c->sent) return false;
        if (in_pairs() && conns[c->partner]->next[i] != c->sent) return false;
    }
    return delivered == published * readers();
}

static void drain(void) {
    double deadline = now() + TIMEOUT;
    while (!complete()) {
        turn(100);
        if (now() > deadline) fail("%lu of %lu deliveries came", delivered, published * readers());
    }
}

static void run_for(double time, void (*publish_more)(void)) {
    for (double end = now() + time; now() < end;) {
        turn(1);
        publish_more();
    }
}

static void measure_rate(void (*publish_more)(void)) {
    publish_more();
    run_for(warmup, publish_more);
    uint64_t count = delivered;
    double begun = now(), cpu = server_cpu(), own = own_cpu();
    run_for(seconds, publish_more);
    double time = now() - begun;
    count = delivered - count;
    cpu = server_cpu() - cpu;
    own = own_cpu() - own;
    drain();
    printf("{\"deliveries_per_second\": %.0f, \"cpu_per_million\": %.4f, \"server_busy\": %.3f, \"load_busy\": %.3f}\n",
           (double)count / time, cpu / ((double)count / 1e6), cpu / time, own / time);
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static void measure_round_trips(void) {
    double *trips = malloc(TRIPS_MAX * sizeof *trips), begun = now();
    size_t count = 0;
    while (now() < begun + warmup + seconds && count < TRIPS_MAX) {
        double start = now();
        for (uint32_t i = 0; i < 2; i++) {
            publish(conns[i], 1);
            while (conns[!i]->next[i] != conns[i]->sent) turn(0);
        }
        if (start > begun + warmup) trips[count++] = now() - start;
    }
    drain();
    qsort(trips, count, sizeof *trips, ascending);
    printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"round_trips\": %zu}\n", trips[count / 2] * 1e6,
           trips[count * 99 / 100] * 1e6, count);
}

static void measure_idle(void) {
    uint32_t first = 50;  /* what is made once is made for these */
    begin_all(0, first);
    double before = server_kib();
    begin_all(first, members);
    for (double end = now() + 1; now() < end;) turn(100);
    printf("{\"kib_per_connection\": %.2f}\n", (server_kib() - before) / (members - first));
}

static void option(const char *argument) {
    const char *value = strchr(argument, '=');
    size_t length = value ? (size_t)(value++ - argument) : 0;
#define IS(key) (length == strlen(key) && !strncmp(argument, key, length))
    if (IS("members")) members = (uint32_t)atoi(value);
    else if (IS("room")) room = value;
    else if (IS("window")) window = (uint32_t)atoi(value);
    else if (IS("batch")) batch = (uint32_t)atoi(value);
    else if (IS("warmup")) warmup = atof(value);
    else if (IS("seconds")) seconds = atof(value);
    else fail("what is '%s'?", argument);
}

int main(int count, char **arguments) {
    if (count < 5) fail("usage: load PROTOCOL PORT PID SHAPE [key=value ...]");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (!strcmp(arguments[1], protocols[i]->name)) protocol = protocols[i];
    port = atoi(arguments[2]);
    pid = atoi(arguments[3]);
    while (strcmp(arguments[4], shapes[shape]))
        if (++shape > IDLE) fail("no such shape: %s", arguments[4]);
    for (int i = 5; i < count; i++) option(arguments[i]);
    if (!protocol) fail("no such protocol: %s", arguments[1]);
    if (batch > window || window > 4096) fail("batch is at most window, which is at most 4096");
    for (size_t i = 0; i < sizeof filler; i++) filler[i] = (uint8_t)('!' + i % 90);
    if (shape == ROUND_TRIP) members = 2;
    conns = calloc(members, sizeof *conns);
    poller = epoll_create1(0);
    if (shape == IDLE) return measure_idle(), 0;
    begin_all(0, members);
    if (shape == ROUND_TRIP) measure_round_trips();
    else measure_rate(shape == ROOM ? publish_room : publish_pairs);
    return 0;
}
