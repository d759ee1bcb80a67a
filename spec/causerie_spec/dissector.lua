local HEADER_SIZE = @HEADER_SIZE@
local MAX_BODY = @MAX_BODY@ -- octets
local SERVER_BIT = @SERVER_BIT@ -- of the type: from server to client
local HELLO = @HELLO@ -- the type that begins a connection, and how its body begins
local MAGIC = @MAGIC@
local PORT = @PORT@
local ALPN = @ALPN@

-- The header's fields: where they begin, and their size in octets.
local HEADER = {
@HEADER@
}

-- The body's fields: a kind; of numbers and octets their size, of what is counted the size of its length, of lists
-- their limits; how the info column shows them; what they mean. Equal names mean equal forms.
local FIELDS = {
@FIELDS@
}

-- Names of values, by field.
local NAMES = {
@NAMES@
}

-- What the values of a code mean.
local MEANINGS = {
@MEANINGS@
}

-- The frames by type. A request has an answer, so its ref is not 0.
local FRAMES = {
@FRAMES@
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
