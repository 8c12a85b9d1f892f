// The Lua scripts of the engine. Redis runs each as a whole, and writes it to its log and its replicas as a whole.
//
// Under `maxmemory`, Redis refuses SET, XADD, HINCRBY and ZADD, but a script that has already written may use them.
// Scripts that must work then begin with a write that needs no memory. Used by redis-engine.ts.
import { Script } from './script.js';

/**
 * Appends the entries of a request, all or none. Nothing can fail between the first write and the last.
 *
 * KEYS: counters, partitions, and a stream for each entry.
 * ARGV: most bytes of the source, number of partitions, and for each entry: partition, events, text.
 * Returns 'stored', 'full', or the number of partitions of the events that are there.
 */
export const APPEND = new Script(`
local kept = redis.call('GET', KEYS[2])
if kept and kept ~= ARGV[2] then return kept end
local used = 0
local counters = redis.call('HGETALL', KEYS[1])
for i = 1, #counters, 2 do
  if string.find(counters[i], '^bytes') then used = used + counters[i + 1] end
end
for i = 5, #ARGV, 3 do used = used + #ARGV[i] end
if used > tonumber(ARGV[1]) then return 'full' end
if not kept then redis.call('SET', KEYS[2], ARGV[2]) end
for i = 3, #KEYS do
  local at = 3 * i - 6
  redis.call('XADD', KEYS[i], '*', 'n', ARGV[at + 1], 'e', ARGV[at + 2])
  redis.call('HINCRBY', KEYS[1], 'events:' .. ARGV[at], ARGV[at + 1])
  redis.call('HINCRBY', KEYS[1], 'bytes:' .. ARGV[at], #ARGV[at + 2])
end
return 'stored'
`);

/**
 * Reads the first entries of a stream: as many as one request carries, but at least one. If there are none, corrects
 * the counters, which are wrong if somebody else has deleted entries.
 *
 * KEYS: stream, marks, counters.
 * ARGV: first id, most entries, bytes and events, partition.
 * Returns ids, numbers of events and texts in one list, and the marks.
 */
export const READ = new Script(`
local found, bytes, events, from = {}, 0, 0, ARGV[1]
local most = tonumber(ARGV[2])
while #found < 3 * most do
  local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(32, most - #found / 3))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    if fields[1] ~= 'n' or fields[3] ~= 'e' then
      return redis.error_reply('Entry ' .. entry[1] .. ' of ' .. KEYS[1] .. ' has an unknown format')
    end
    bytes = bytes + #fields[4] + 1
    events = events + fields[2]
    if #found > 0 and (bytes > tonumber(ARGV[3]) or events > tonumber(ARGV[4])) then
      return {found, redis.call('HGETALL', KEYS[2])}
    end
    found[#found + 1] = entry[1]
    found[#found + 1] = fields[2]
    found[#found + 1] = fields[4]
    from = '(' .. entry[1]
  end
end
if #found == 0 and ARGV[1] == '-' and redis.call('HEXISTS', KEYS[3], 'events:' .. ARGV[5]) == 1 then
  redis.call('HDEL', KEYS[3], 'events:' .. ARGV[5], 'bytes:' .. ARGV[5])
  redis.call('DEL', KEYS[2])
end
return {found, redis.call('HGETALL', KEYS[2])}
`);

/**
 * Removes entries and stores dead letters if the lease is the caller's. Entries that aren't there any more have been
 * removed by an earlier call whose reply was lost, so their dead letters are stored already.
 *
 * KEYS: lease, stream, marks, counters, dead letters.
 * ARGV: token, partition, most dead letters, most bytes of dead letters, number of entries, and for each entry: id,
 * events, bytes; then for each dead letter: text, code, message, status.
 */
export const REMOVE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local partition, last, events, bytes, removed = ARGV[2], 5 + 3 * ARGV[5], 0, 0, 0
for i = 6, last, 3 do
  if redis.call('XDEL', KEYS[2], ARGV[i]) == 1 then
    removed = removed + 1
    events = events + ARGV[i + 1]
    bytes = bytes + ARGV[i + 2]
  end
  redis.call('HDEL', KEYS[3], ARGV[i])
end
if removed == 0 then return 1 end
if redis.call('XLEN', KEYS[2]) == 0 then
  redis.call('HDEL', KEYS[4], 'events:' .. partition, 'bytes:' .. partition)
else
  redis.call('HINCRBY', KEYS[4], 'events:' .. partition, -events)
  redis.call('HINCRBY', KEYS[4], 'bytes:' .. partition, -bytes)
end
local count, size = redis.call('XLEN', KEYS[5]), tonumber(redis.call('HGET', KEYS[4], 'bytes:dead') or 0)
local refused, before = 0, size
for i = last + 1, #ARGV, 4 do
  local length = #ARGV[i] + #ARGV[i + 2]
  if count < tonumber(ARGV[3]) and size + length <= tonumber(ARGV[4]) then
    redis.call('XADD', KEYS[5], '*', 'text', ARGV[i], 'code', ARGV[i + 1], 'message', ARGV[i + 2],
      'status', ARGV[i + 3], 'partition', partition)
    count = count + 1
    size = size + length
  else
    refused = refused + 1
  end
end
if size > before then redis.call('HINCRBY', KEYS[4], 'bytes:dead', size - before) end
if refused > 0 then redis.call('HINCRBY', KEYS[4], 'refused', refused) end
return 1
`);

/** KEYS: lease. ARGV: token, milliseconds. */
export const ACQUIRE = new Script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** KEYS: lease. ARGV: token, milliseconds. */
export const RENEW = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** KEYS: lease. ARGV: token. */
export const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/** KEYS: lease, marks. ARGV: token, milliseconds of the lease, ids. */
export const MARK = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 3, #ARGV do redis.call('HINCRBY', KEYS[2], ARGV[i], 1) end
return 1
`);

/** KEYS: lease, marks. ARGV: token, ids. */
export const UNMARK = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
return 1
`);

/** KEYS: hold. ARGV: milliseconds. Returns for how many milliseconds nothing is sent. Never shortens that. */
export const HOLD = new Script(`
local left = redis.call('PTTL', KEYS[1])
if left >= tonumber(ARGV[1]) then return left end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return tonumber(ARGV[1])
`);

/**
 * KEYS: relays, sources. ARGV: name of the relay, milliseconds for which a sign of life counts, the relay's sources.
 * Returns how many relays there are.
 */
export const HEARTBEAT = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 3, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return redis.call('ZCARD', KEYS[1])
`);

/** KEYS: counters, dead letters, streams. Returns the counters, the number of dead letters, and the first ids. */
export const BACKLOG = new Script(`
local first = {}
for i = 3, #KEYS do
  local entries = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)
  if #entries > 0 then first[#first + 1] = entries[1][1] end
end
return {redis.call('HGETALL', KEYS[1]), redis.call('XLEN', KEYS[2]), first}
`);

/**
 * Appends dead letters to the streams that they came from, and removes them. Takes no more of the source's bytes than
 * before. If the number of partitions is smaller than it was then, or isn't known, another stream takes them: nobody
 * reads those of before.
 *
 * KEYS: counters, dead letters, partitions, streams. ARGV: ids.
 */
export const REPLAY = new Script(`
local replayed = 0
local partitions = math.min(tonumber(redis.call('GET', KEYS[3])) or 1, #KEYS - 3)
for _, id in ipairs(ARGV) do
  local found = redis.call('XRANGE', KEYS[2], id, id)[1]
  if found and redis.call('XDEL', KEYS[2], id) == 1 then
    local letter = {}
    for i = 1, #found[2], 2 do letter[found[2][i]] = found[2][i + 1] end
    local partition = letter.partition % partitions
    redis.call('HINCRBY', KEYS[1], 'bytes:dead', -(#letter.text + #letter.message))
    redis.call('XADD', KEYS[4 + partition], '*', 'n', 1, 'e', letter.text)
    redis.call('HINCRBY', KEYS[1], 'events:' .. partition, 1)
    redis.call('HINCRBY', KEYS[1], 'bytes:' .. partition, #letter.text)
    replayed = replayed + 1
  end
end
return replayed
`);

/**
 * Allows another number of partitions if the streams are empty.
 *
 * KEYS: partitions, and the streams of the earlier number. ARGV: that number. Returns how many entries are left.
 */
export const REPARTITION = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local left = 0
for i = 2, #KEYS do left = left + redis.call('XLEN', KEYS[i]) end
if left == 0 then redis.call('DEL', KEYS[1]) end
return left
`);
