-- Causerie for Wireshark and tshark. README.md, beside this file, says how to install it.
--
-- Generated: `causerie-spec dissector` writes it from the declarations; do not edit it. It runs on Lua 5.1 to 5.4.

local HEADER_SIZE = 8
local MAX_BODY = 65535 -- octets
local SERVER_BIT = 0x80 -- of the type: from server to client
local HELLO = 0x01 -- the type that begins a connection, and how its body begins
local MAGIC = "CAUS"
local PORT = 5000
local ALPN = "causerie/1"

-- The header's fields: where they begin, and their size in octets.
local HEADER = {
    length = { at = 0, size = 4 },
    type = { at = 4, size = 1 },
    flags = { at = 5, size = 1 },
    ref = { at = 6, size = 2 },
}

-- The body's fields: a kind; of numbers and octets their size, of what is counted the size of its length, of lists
-- their limits; how the info column shows them; what they mean. Equal names mean equal forms.
local FIELDS = {
    { name = "magic", kind = "octets", size = 4, doc = "the octets `CAUS`" },
    { name = "min_version", kind = "number", size = 1, doc = "lowest version that the client speaks" },
    { name = "max_version", kind = "number", size = 1, doc = "highest version that the client speaks" },
    { name = "keepalive", kind = "number", size = 2, doc = "longest silence that the client plans, in seconds; 0 none / keepalive in force, in seconds; 0 none" },
    { name = "agent", kind = "text", size = 1, show = "\"%s\"", doc = "name and version of the client, for people / name and version of the server, for people" },
    { name = "capabilities", kind = "list", most = 32, longest = 32, doc = "what the client has / what the server has" },
    { name = "version", kind = "number", size = 1, doc = "version in force" },
    { name = "server_time", kind = "number", size = 8, time = true, doc = "the server's clock, in ms since the Unix epoch" },
    { name = "epoch", kind = "number", size = 8, doc = "changes whenever a log may have been reset or rolled back" },
    { name = "mechanisms", kind = "list", most = 32, longest = 32, doc = "login mechanisms that the server offers" },
    { name = "mechanism", kind = "text", size = 1, show = "%s", doc = "login mechanism, such as `TOKEN`" },
    { name = "handle", kind = "text", size = 1, show = "%s", doc = "handle asked for / handle logged in / who" },
    { name = "display", kind = "text", size = 1, doc = "display name to show to people / display name in force / display name" },
    { name = "payload", kind = "bytes", size = 2, doc = "the mechanism's message, at most 1024 octets / the mechanism's last message; empty with TOKEN / the mechanism's message" },
    { name = "token", kind = "number", size = 8, show = "token %s", doc = "any number; PONG returns it / the number that PING carried" },
    { name = "reason", kind = "text", size = 1, show = "\"%s\"", doc = "why, for people; may be empty / why, for people; never parsed" },
    { name = "code", kind = "number", size = 2, show = "%s", doc = "why, a BYE code / why, an ERROR code" },
    { name = "retry_ms", kind = "number", size = 4, doc = "ms to wait before connecting again; 0 no advice / ms to wait before asking again; 0 no advice" },
    { name = "more", kind = "bool", show = "more %s", doc = "is there more in that direction?" },
    { name = "detail", kind = "text", size = 1, show = "\"%s\"", doc = "why, for people; never parsed" },
    { name = "conversation", kind = "text", size = 1, show = "%s", doc = "where to, with its sign / where, as its reader names it / whose log / where / a room, with its sign; not `#lobby` / which, as its reader names it / which, with its sign / whose members" },
    { name = "txn", kind = "number", size = 8, doc = "random number of this message, not 0; the same again is the same message / the sender's number of it; 0 in JOINED and LEFT" },
    { name = "kind", kind = "number", size = 1, doc = "0 text, 1 action, at most 127 / 0 text, 1 action, 128 JOINED, 129 LEFT" },
    { name = "text", kind = "text", size = 2, show = "\"%s\"", doc = "1..16384 octets / what was sent, octet for octet; empty in JOINED and LEFT" },
    { name = "seq", kind = "number", size = 8, show = "seq %s", doc = "the message's number in its log, from 1" },
    { name = "timestamp", kind = "number", size = 8, time = true, doc = "when it was stored, in ms since the Unix epoch" },
    { name = "duplicate", kind = "bool", show = "duplicate %s", doc = "was it there already?" },
    { name = "sender", kind = "text", size = 1, show = "%s", doc = "handle of who wrote it, or joined, or left" },
    { name = "direction", kind = "number", size = 1, show = "%s", doc = "0 after the anchor, 1 before it" },
    { name = "anchor", kind = "number", size = 8, show = "anchor %s", doc = "a seq, itself not included" },
    { name = "limit", kind = "number", size = 2, show = "limit %s", doc = "messages wanted, at least 1; more than 256 count as 256 / conversations wanted, at least 1; more than 256 count as 256 / rooms wanted, at least 1; more than 256 count as 256 / members wanted, at least 1; more than 256 count as 256" },
    { name = "delivered", kind = "number", size = 8, show = "delivered %s", doc = "highest seq received / own highest seq received" },
    { name = "read", kind = "number", size = 8, show = "read %s", doc = "highest seq read / own highest seq read" },
    { name = "all_delivered", kind = "number", size = 8, doc = "highest seq that all members received; 0 not told" },
    { name = "all_read", kind = "number", size = 8, doc = "highest seq that all members read; 0 not told" },
    { name = "active", kind = "bool", show = "active %s", doc = "typing now?" },
    { name = "after", kind = "text", size = 1, show = "after %s", doc = "the last name already known, or empty / the last handle already known, or empty" },
    { name = "first", kind = "number", size = 8, doc = "lowest seq that HISTORY can return; head + 1 if none" },
    { name = "head", kind = "number", size = 8, show = "head %s", doc = "highest seq; 0 if none" },
    { name = "members", kind = "number", size = 4, show = "members %s", doc = "how many members" },
    { name = "watch", kind = "bool", doc = "send PRESENCE events from now on?" },
    { name = "online", kind = "bool", show = "online %s", doc = "online now?" },
    { name = "last_seen", kind = "number", size = 8, time = true, doc = "when last online, in ms since the Unix epoch; 0 unknown" },
}

-- Names of values, by field.
local NAMES = {
    code = {
        [1] = "UNSUPPORTED",
        [2] = "WRONG_STATE",
        [3] = "BAD_FIELD",
        [4] = "HANDLE_TAKEN",
        [5] = "AUTH_FAILED",
        [6] = "NO_SUCH_MECHANISM",
        [7] = "NO_SUCH_CONVERSATION",
        [8] = "NOT_A_MEMBER",
        [9] = "TEXT_TOO_LONG",
        [10] = "TXN_CONFLICT",
        [11] = "RATE_LIMITED",
        [12] = "LIMIT_REACHED",
        [13] = "INTERNAL",
        [100] = "NORMAL",
        [101] = "SHUTDOWN",
        [102] = "MALFORMED",
        [103] = "FRAME_TOO_LARGE",
        [104] = "VERSION_UNSUPPORTED",
        [105] = "IDLE",
        [106] = "HANDSHAKE_TIMEOUT",
        [107] = "SLOW_CONSUMER",
        [108] = "TOO_MANY_FAILURES",
        [109] = "TOO_MANY_CONNECTIONS",
        [110] = "SERVER_FAILURE",
    },
    kind = {
        [0] = "TEXT",
        [1] = "ACTION",
        [128] = "JOINED",
        [129] = "LEFT",
    },
    direction = {
        [0] = "AFTER",
        [1] = "BEFORE",
    },
}

-- What the values of a code mean.
local MEANINGS = {
    code = {
        [1] = "unknown type, or its capability was not negotiated",
        [2] = "a known frame in a state that does not take it",
        [3] = "a field's value is outside its domain",
        [4] = "the handle belongs to another token, or to an account",
        [5] = "the proof was wrong, or the mechanism's message was",
        [6] = "the server does not offer that login mechanism",
        [7] = "a well-formed name that names nothing here",
        [8] = "for members of the room only",
        [9] = "the text is longer than 16384 octets",
        [10] = "that txn was used for another text or kind",
        [11] = "too many of these; come back after retry_ms",
        [12] = "a limit on how many there may be is reached",
        [13] = "the server failed at this request",
        [100] = "the answer to QUIT",
        [101] = "the server is going down; come back after retry_ms",
        [102] = "a frame could not be decoded, or the first was no HELLO",
        [103] = "a header announced a body over the limit",
        [104] = "no version in common",
        [105] = "no complete frame for longer than the keepalive allows",
        [106] = "login was not complete in time",
        [107] = "events were taken too slowly",
        [108] = "the third AUTH_FAILED on this connection",
        [109] = "the server has as many connections as it takes",
        [110] = "the server failed as a whole",
    },
}

-- The frames by type. A request has an answer, so its ref is not 0.
local FRAMES = {
    [0x01] = { name = "HELLO", request = true, fields = {"magic", "min_version", "max_version", "keepalive", "agent", "capabilities"} },
    [0x81] = { name = "WELCOME", fields = {"version", "keepalive", "server_time", "epoch", "agent", "mechanisms", "capabilities"} },
    [0x02] = { name = "LOGIN", request = true, fields = {"mechanism", "handle", "display", "payload"} },
    [0x03] = { name = "AUTH", request = true, fields = {"payload"} },
    [0x82] = { name = "READY", fields = {"handle", "display", "payload"} },
    [0x83] = { name = "CHALLENGE", fields = {"payload"} },
    [0x04] = { name = "PING", request = true, fields = {"token"} },
    [0x84] = { name = "PONG", fields = {"token"} },
    [0x05] = { name = "QUIT", request = true, fields = {"reason"} },
    [0x85] = { name = "BYE", fields = {"code", "retry_ms", "reason"} },
    [0x8D] = { name = "OK", fields = {} },
    [0x8E] = { name = "END", fields = {"more"} },
    [0x8F] = { name = "ERROR", fields = {"code", "retry_ms", "detail"} },
    [0x10] = { name = "SEND", request = true, fields = {"conversation", "txn", "kind", "text"} },
    [0x90] = { name = "ACK", fields = {"seq", "timestamp", "duplicate"} },
    [0xA0] = { name = "MESSAGE", fields = {"conversation", "seq", "timestamp", "sender", "txn", "kind", "text"} },
    [0x11] = { name = "HISTORY", request = true, fields = {"conversation", "direction", "anchor", "limit"} },
    [0x12] = { name = "MARK", request = true, fields = {"conversation", "delivered", "read"} },
    [0xA1] = { name = "RECEIPT", fields = {"conversation", "delivered", "read", "all_delivered", "all_read"} },
    [0x13] = { name = "COMPOSE", fields = {"conversation", "active"} },
    [0xA2] = { name = "COMPOSING", fields = {"conversation", "handle", "active"} },
    [0x20] = { name = "JOIN", request = true, fields = {"conversation"} },
    [0x21] = { name = "LEAVE", request = true, fields = {"conversation"} },
    [0x22] = { name = "CONVERSATIONS", request = true, fields = {"after", "limit"} },
    [0xB0] = { name = "CONVERSATION", fields = {"conversation", "first", "head", "members", "delivered", "read", "all_delivered", "all_read"} },
    [0x23] = { name = "ROOMS", request = true, fields = {"after", "limit"} },
    [0xB1] = { name = "ROOM", fields = {"conversation", "members"} },
    [0x24] = { name = "WHO", request = true, fields = {"conversation", "after", "limit", "watch"} },
    [0xA3] = { name = "PRESENCE", fields = {"handle", "display", "online", "last_seen"} },
}

-- What is above is made from the declarations. What is below knows kinds of fields, but no frame.

local causerie = Proto("causerie", "Causerie")

local types = {}
for number, frame in pairs(FRAMES) do
    types[number] = frame.name
end

local registered = {}
local function register(field)
    registered[#registered + 1] = field
    return field
end

local UNSIGNED = {
    [1] = ProtoField.uint8,
    [2] = ProtoField.uint16,
    [4] = ProtoField.uint32,
    [8] = ProtoField.uint64,
}

local function unsigned(name, label, size, names, doc)
    return register(UNSIGNED[size]("causerie." .. name, label, base.DEC, names, nil, doc))
end

local header = {
    length = unsigned("length", "length", HEADER.length.size, nil, "octets in the body"),
    type = register(ProtoField.uint8("causerie.type", "type", base.HEX, types)),
    from_server = register(ProtoField.bool("causerie.from_server", "from server", 8, nil, SERVER_BIT)),
    flags = register(ProtoField.uint8("causerie.flags", "flags", base.HEX)),
    ref = unsigned("ref", "ref", HEADER.ref.size, nil, "number of the request; 0 in events"),
    body = register(ProtoField.bytes("causerie.body", "body", base.NONE, "not decoded")),
}

-- How each kind of field is registered: as `item`, and its length or count.
local REGISTER = {
    number = function(field)
        field.item = unsigned(field.name, field.name, field.size, NAMES[field.name], field.doc)
    end,
    bool = function(field)
        field.item = register(ProtoField.bool("causerie." .. field.name, field.name, base.NONE, nil, 0, field.doc))
    end,
    octets = function(field)
        field.item = register(ProtoField.bytes("causerie." .. field.name, field.name, base.NONE, field.doc))
    end,
    bytes = function(field)
        field.item = register(ProtoField.bytes("causerie." .. field.name, field.name, base.NONE, field.doc))
        field.length = unsigned(field.name .. ".length", field.name .. " length", field.size, nil, "octets")
    end,
    text = function(field)
        field.item = register(ProtoField.string("causerie." .. field.name, field.name, base.UNICODE, field.doc))
        field.length = unsigned(field.name .. ".length", field.name .. " length", field.size, nil, "octets")
    end,
    list = function(field)
        field.item = register(ProtoField.string("causerie." .. field.name, field.name, base.UNICODE, field.doc))
        field.length = unsigned(field.name .. ".length", field.name .. " length", 1, nil, "octets of the entry")
        field.count = unsigned(field.name .. ".count", field.name .. " count", 1, nil, "entries")
    end,
}
local by_name = {}
for _, field in ipairs(FIELDS) do
    REGISTER[field.kind](field)
    by_name[field.name] = field
end
causerie.fields = registered

local function finding(name, text, group, severity)
    return ProtoExpert.new("causerie." .. name, text, group, severity)
end

local experts = {
    malformed = finding("malformed", "cannot be decoded", expert.group.MALFORMED, expert.severity.ERROR),
    too_large = finding("too_large", "the body is over the limit", expert.group.MALFORMED, expert.severity.ERROR),
    ref_0 = finding("ref_0", "a request has a ref other than 0", expert.group.PROTOCOL, expert.severity.ERROR),
    magic = finding("wrong_magic", "the magic is another", expert.group.PROTOCOL, expert.severity.ERROR),
    flags = finding("flags_set", "senders set flags to 0, receivers ignore them", expert.group.PROTOCOL,
        expert.severity.WARN),
    rest = finding("rest", "octets behind the last field: receivers ignore them", expert.group.PROTOCOL,
        expert.severity.WARN),
    unknown = finding("unknown_type", "version 1 has no such type", expert.group.UNDECODED, expert.severity.NOTE),
    not_captured = finding("not_captured", "the rest was not captured", expert.group.UNDECODED, expert.severity.NOTE),
}
causerie.experts = experts

-- A whole number as text. Numbers are integers in some Luas and not in others; "%d" and tostring differ there.
local function decimal(number)
    return string.format("%.0f", number)
end

-- Where well-formed UTF-8 ends: nil if it is all of the text, else the index, from 1, of the first sequence that is
-- not (Unicode, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
local function not_utf8(text)
    local at = text:find("[\128-\255]")
    while at and at <= #text do
        local first, second = text:byte(at, at + 1)
        local more, low, high = 0, 0x80, 0xBF
        if first >= 0x80 then
            if first >= 0xC2 and first <= 0xDF then
                more = 1
            elseif first >= 0xE0 and first <= 0xEF then
                more = 2
                if first == 0xE0 then low = 0xA0 end
                if first == 0xED then high = 0x9F end
            elseif first >= 0xF0 and first <= 0xF4 then
                more = 3
                if first == 0xF0 then low = 0x90 end
                if first == 0xF4 then high = 0x8F end
            else
                return at
            end
            if not second or second < low or second > high then
                return at
            end
            for index = at + 2, at + more do
                local follows = text:byte(index)
                if not follows or follows < 0x80 or follows > 0xBF then
                    return at
                end
            end
        end
        at = at + more + 1
    end
    return nil
end

local function escaped(sequence)
    return (sequence:gsub(".", function(octet) return string.format("\\x%02x", octet:byte()) end))
end

-- A text for the info column, which is shown as it is: on one line, not long, without what a terminal would obey.
-- The tree needs none of this: Wireshark escapes there itself.
local function visible(text)
    local most = 64
    if #text > most then
        -- Not in the middle of a character.
        while most > 0 and text:byte(most + 1) >= 0x80 and text:byte(most + 1) <= 0xBF do
            most = most - 1
        end
        text = text:sub(1, most) .. "\226\128\166" -- an ellipsis
    end
    text = text:gsub("%c", escaped) -- C0, delete
    text = text:gsub("\194[\128-\159]", escaped) -- C1
    text = text:gsub("\226\128[\142\143\168-\174]", escaped) -- marks, separators, overrides of direction
    text = text:gsub("\226\129[\166-\169]", escaped) -- isolates of direction
    text = text:gsub("\239\187\191", escaped) -- byte order mark
    return text
end

-- A time in ms since the Unix epoch, for people; nil where the calendar ends.
local function time(milliseconds)
    local seconds = math.floor(milliseconds / 1000)
    if seconds > 253402300799 then
        return nil
    end
    return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. string.format(".%03dZ", math.floor(milliseconds % 1000))
end

-- A body that is being read: `at` is the next octet, `ends` the one behind the last, both in `tvb`; `cut` says that the
-- capture has not all of it; `faulty` that it cannot be read further; `info` gathers what the info column shows.

local function plural(count)
    return decimal(count) .. (count == 1 and " octet" or " octets")
end

local function fault(body, name, at, reason)
    local text = string.format("%s: %s (octet %s of the body)", name, reason, decimal(at - HEADER_SIZE))
    body.tree:add_proto_expert_info(experts.malformed, text)
    body.faulty = true
end

-- The next octets, or nil if there are not so many.
local function take(body, name, size)
    local missing = body.at + size - body.ends
    if missing > 0 then
        if body.cut then
            body.tree:add_proto_expert_info(experts.not_captured)
            body.faulty = true
        else
            fault(body, name, body.ends, "the body ends " .. plural(missing) .. " too early")
        end
        return nil
    end
    local range = body.tvb(body.at, size)
    body.at = body.at + size
    return range
end

local function show(body, field, value)
    if field.show then
        local bare = field.show == "%s" and value == ""
        body.info[#body.info + 1] = bare and '""' or string.format(field.show, value)
    end
end

-- A length or count that stands before a value, or nil.
local function number(body, name, item, size, most, noun)
    local range = take(body, name, size)
    if not range then
        return nil
    end
    body.tree:add(item, range)
    local value = range:uint()
    if most and value > most then
        fault(body, name, body.at - size, decimal(value) .. " " .. noun .. ", the limit is " .. most)
        return nil
    end
    return value
end

-- A text of that many octets, or nil.
local function text(body, field, size)
    local range = take(body, field.name, size)
    if not range then
        return nil
    end
    local octets = size > 0 and range:raw() or ""
    body.tree:add_packet_field(field.item, range, ENC_UTF_8)
    local wrong = not_utf8(octets)
    if wrong then
        fault(body, field.name, body.at - size + wrong - 1, "not UTF-8")
        return nil
    end
    return octets
end

local READ = {
    number = function(body, field)
        local range = take(body, field.name, field.size)
        if not range then
            return
        end
        local item = body.tree:add(field.item, range)
        local value = field.size == 8 and tostring(range:uint64()) or decimal(range:uint())
        if field.time and value ~= "0" then
            local moment = time(range:uint64():tonumber())
            item:append_text(" (" .. (moment or "beyond the year 9999") .. ")")
        end
        local meaning = (MEANINGS[field.name] or {})[tonumber(value)]
        if meaning then
            item:append_text(": " .. meaning)
        end
        show(body, field, (NAMES[field.name] or {})[tonumber(value)] or value)
    end,
    bool = function(body, field)
        local range = take(body, field.name, 1)
        if not range then
            return
        end
        body.tree:add(field.item, range)
        local value = range:uint()
        if value > 1 then
            fault(body, field.name, body.at - 1, "a bool is 0 or 1, not " .. decimal(value))
            return
        end
        show(body, field, value == 1 and "yes" or "no")
    end,
    octets = function(body, field)
        local range = take(body, field.name, field.size)
        if range then
            local item = body.tree:add(field.item, range)
            if field.name == "magic" and range:raw() ~= MAGIC then
                item:add_proto_expert_info(experts.magic)
            end
        end
    end,
    bytes = function(body, field)
        local size = number(body, field.name, field.length, field.size)
        local range = size and take(body, field.name, size)
        if range then
            body.tree:add(field.item, range)
        end
    end,
    text = function(body, field)
        local size = number(body, field.name, field.length, field.size)
        local octets = size and text(body, field, size)
        if octets then
            show(body, field, visible(octets))
        end
    end,
    list = function(body, field)
        local count = number(body, field.name, field.count, 1, field.most, "entries")
        local entries = {}
        for index = 1, count or 0 do
            local size = number(body, field.name, field.length, 1, field.longest, "octets in an entry")
            local octets = size and text(body, field, size)
            if not octets then
                return
            end
            entries[index] = visible(octets)
        end
        show(body, field, table.concat(entries, " "))
    end,
}

local function part(tvb, place, offset)
    return tvb((offset or 0) + place.at, place.size)
end

local function dissect_body(body, frame)
    for _, name in ipairs(frame.fields) do
        READ[by_name[name].kind](body, by_name[name])
        if body.faulty then
            body.info[#body.info + 1] = body.cut and "[cut]" or "[malformed]"
            break
        end
    end
    if body.at < body.ends then
        local item = body.tree:add(header.body, body.tvb(body.at, body.ends - body.at))
        item:set_text(body.faulty and "not decoded" or "behind the last field")
        if not body.faulty then
            item:add_proto_expert_info(experts.rest)
        end
    end
end

-- The header's items.
local function dissect_header(tvb, tree, frame)
    local length, ref = part(tvb, HEADER.length):uint(), part(tvb, HEADER.ref):uint()
    local length_item = tree:add(header.length, part(tvb, HEADER.length))
    local type_item = tree:add(header.type, part(tvb, HEADER.type))
    type_item:add(header.from_server, part(tvb, HEADER.type))
    local flags_item = tree:add(header.flags, part(tvb, HEADER.flags))
    local ref_item = tree:add(header.ref, part(tvb, HEADER.ref))
    if part(tvb, HEADER.flags):uint() ~= 0 then
        flags_item:add_proto_expert_info(experts.flags)
    end
    if length > MAX_BODY then
        local reason = "a body of " .. plural(length) .. ", the limit is " .. MAX_BODY
        length_item:add_proto_expert_info(experts.too_large, reason)
    end
    if not frame then
        type_item:add_proto_expert_info(experts.unknown)
    elseif frame.request and ref == 0 then
        ref_item:add_proto_expert_info(experts.ref_0)
    end
end

local function dissect_frame(tvb, pinfo, tree)
    local length, ref = part(tvb, HEADER.length):uint(), part(tvb, HEADER.ref):uint()
    local type_octet = part(tvb, HEADER.type):uint()
    local frame = FRAMES[type_octet]
    local name = frame and frame.name or string.format("unknown type 0x%02x", type_octet)
    local subtree = tree:add(causerie, tvb(), "Causerie " .. name .. ", ref " .. decimal(ref))
    dissect_header(tvb, subtree, frame)
    local info = { name }
    if ref ~= 0 then
        info[2] = "ref " .. decimal(ref)
    end
    local ends = math.min(tvb:len(), HEADER_SIZE + length)
    local body = {
        tvb = tvb, tree = subtree, info = info, at = HEADER_SIZE, ends = ends, cut = ends < HEADER_SIZE + length,
    }
    if length > MAX_BODY then
        info[#info + 1] = "[too large]"
    elseif frame then
        dissect_body(body, frame)
    end
    if (length > MAX_BODY or not frame) and body.at < tvb:len() then
        subtree:add(header.body, tvb(HEADER_SIZE))
    end
    -- A packet may hold several frames, and TCP may hand them on in several calls.
    local shown = pinfo.private["causerie"]
    if not shown then
        pinfo.cols.protocol = "Causerie"
        pinfo.cols.info:clear()
        pinfo.private["causerie"] = "shown"
    end
    pinfo.cols.info:append((shown and ", " or "") .. table.concat(info, " "))
    return tvb:len()
end

-- How many octets a frame has. Behind a header over the limit nothing is taken for a frame any more.
local function size_of(tvb, _, offset)
    local length = part(tvb, HEADER.length, offset):uint()
    return length > MAX_BODY and tvb:len() - offset or HEADER_SIZE + length
end

function causerie.dissector(tvb, _, tree)
    if tvb:len() >= HEADER_SIZE and part(tvb, HEADER.length):uint() > MAX_BODY
        and not FRAMES[part(tvb, HEADER.type):uint()] then
        return 0 -- another protocol that has this port
    end
    dissect_tcp_pdus(tvb, tree, HEADER_SIZE, size_of, dissect_frame)
    return tvb:len()
end

-- On any port: a connection that begins with HELLO is Causerie. (Not so inside TLS: the conversation is TLS's own.)
local function begins(tvb, pinfo, tree)
    if tvb:len() < HEADER_SIZE + #MAGIC or part(tvb, HEADER.type):uint() ~= HELLO
        or tvb(HEADER_SIZE, #MAGIC):raw() ~= MAGIC then
        return false
    end
    causerie.dissector(tvb, pinfo, tree)
    pinfo.conversation = causerie
    return true
end

DissectorTable.get("tcp.port"):add(PORT, causerie)
causerie:register_heuristic("tcp", begins)
-- A Wireshark without TLS has not the other tables.
pcall(function() DissectorTable.get("tls.alpn"):add(ALPN, causerie) end)
pcall(function() DissectorTable.get("tls.port"):add_for_decode_as(causerie) end)
