-- beat: the devices are alive still. Most heartbeats change nothing but the time, and that is all
-- that is done here: a device that is not both alive and announced is passed over, and
-- left to heartbeat.lua, as is a record in the other dialect.
-- KEYS   online activity pulse | state heartbeat
-- ARGV   now dialect channel logCap historyCap defaultTtl longestTtl exclusive | id ttl
-- Reply  for each device: {1, 0, now, deadline, desired version}, as heartbeat.lua has it; {0}: passed over.
-- Events none.
-- @include base
-- @include record
-- @include pulse

local now = moment()
probe('SCARD', 'ZCARD')
local pulse = takePulse(KEYS[3], now, tonumber(ARGV[7]), false)
local defaultTtl, exclusive = tonumber(ARGV[6]), ARGV[8] == '1'
local dialect = DIALECTS[1]
local nowText = instant(dialect, now)
local call, match = redis.call, string.match

local function beat(keyAt, argAt)
  local state, id, ttl = KEYS[keyAt], ARGV[argAt], ARGV[argAt + 1]
  local values = call('HMGET', state, dialect.id, 'devstate')
  if not (values[1] and values[2]) then return {0} end
  local desiredVersion, ownTtl = match(values[2], '^%d+ %d+ (%d+) %d+ %d*[13579] %d+ (%d+)$')
  if not desiredVersion then return {0} end
  if ttl == '' then ttl = ownTtl ~= '0' and ownTtl or defaultTtl end
  local deadline = now + ttl
  local deadlineText = int(deadline)
  if not call('GETEX', KEYS[keyAt + 1], 'PXAT', deadlineText) then return {0} end
  -- In a shared fleet another program's late handler may have taken it out though it is alive.
  if not exclusive then call('SADD', KEYS[1], id) end
  call('ZADD', KEYS[2], deadlineText, id)
  call('HSET', state, dialect.lastSeen, nowText, dialect.status, 'online')
  return {1, 0, now, deadline, tonumber(desiredVersion)}
end

local replies, anyAlive = {}, false
for i = 0, (#ARGV - 8) / 2 - 1 do
  local done, reply = pcall(beat, 4 + i * 2, 9 + i * 2)
  replies[i + 1] = done and reply or {0} -- heartbeat.lua says what it was
  anyAlive = anyAlive or replies[i + 1][1] == 1
end
if anyAlive then stampPulse(KEYS[3], pulse, now) end
return replies
