-- A script for wrk: sends the requests of a file at random, and prints the counts as JSON. The file contains for each
-- request a line with its expected status and its number of bytes, and then these bytes.

local requests, statuses = {}, {}
local threads = {}
local first = true
-- Counts by status, for each thread.
sent, received = {}, {}

function setup(thread)
    thread:set("seed", #threads + 1)
    table.insert(threads, thread)
end

function init(args)
    math.randomseed(seed)
    local file = assert(io.open(args[1], "rb"))
    while true do
        local status, length = file:read("*n", "*n")
        if not status then
            break
        end
        file:read(1)
        table.insert(statuses, tostring(status))
        table.insert(requests, file:read(length))
    end
    file:close()
end

function request()
    -- wrk checks one request before it starts, which must be valid.
    if first then
        first = false
        return requests[1]
    end
    local i = math.random(#requests)
    sent[statuses[i]] = (sent[statuses[i]] or 0) + 1
    return requests[i]
end

function response(status)
    status = tostring(status)
    received[status] = (received[status] or 0) + 1
end

local function as_json(all)
    local sums, fields = {}, {}
    for _, thread in ipairs(threads) do
        for status, count in pairs(thread:get(all)) do
            sums[status] = (sums[status] or 0) + count
        end
    end
    for status, count in pairs(sums) do
        table.insert(fields, string.format('"%s": %d', status, count))
    end
    return "{" .. table.concat(fields, ", ") .. "}"
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"answers": %d, "microseconds": %d, "sent": %s, "received": %s, "broken": %d, "timeouts": %d, '
            .. '"median": %d, "worst": %d}\n',
        summary.requests, summary.duration, as_json("sent"), as_json("received"),
        errors.connect + errors.read + errors.write, errors.timeout, latency:percentile(50), latency.max))
end
