-- heartbeat_fast: heartbeats without a report, of devices that stay online. Only times are written. A device that
--        is not alive, not announced online, or in the other dialect is skipped; heartbeat.lua handles all of them.
-- KEYS   online activity pulse | state heartbeat
-- ARGV   testTime dialectName channel logCap historyCap defaultTtl longestTtl exclusive | id ttl
-- Reply  for each device: {1, 0, now, deadline, desired version}, as heartbeat.lua replies; {0}: skipped.
-- Events none.
-- @include base
-- @include devices
-- @include record
-- @include hold

local now = readTime()
probeKeys()
local pulse = computePulse(now, tonumber(longestTtl), false)
local fleetTtl, isExclusive = tonumber(defaultTtl), exclusive == '1'
local dialect = DIALECTS[1]
local idField, lastSeenField, statusField = dialect.id, dialect.lastSeen, dialect.status
local nowText = formatInstant(dialect, now)
local call, match = redis.call, string.match
local anyAlive = false
local SKIPPED = {0}

-- Captures the desired version and the device's own TTL, if the device is announced online (its seq is odd).
local ONLINE_STATE = '^%d+ %d+ (%d+) %d+ %d*[13579] %d+ (%d+)$'

local function heartbeat(stateKey, heartbeatKey, id, ttl)
  local values = call('HMGET', stateKey, idField, 'devstate')
  if not (values[1] and values[2]) then return SKIPPED end
  local desiredVersion, ownTtl = match(values[2], ONLINE_STATE)
  if not desiredVersion then return SKIPPED end
  if ttl == '' then ttl = ownTtl ~= '0' and ownTtl or fleetTtl end
  local deadline = now + ttl
  local deadlineText = int(deadline)
  if not call('GETEX', heartbeatKey, 'PXAT', deadlineText) then return SKIPPED end
  -- Another program of a shared fleet may have removed a live device, by a timeout that it handled late.
  if not isExclusive then call('SADD', onlineKey, id) end
  call('ZADD', activityKey, deadlineText, id)
  call('HSET', stateKey, lastSeenField, nowText, statusField, 'online')
  anyAlive = true
  return {1, 0, now, deadline, tonumber(desiredVersion)}
end

-- A device that fails is skipped: heartbeat.lua fails too and reports the error.
local replies = eachDevice(heartbeat, function() return SKIPPED end)
if anyAlive then stampPulse(pulse, now) end
return replies
