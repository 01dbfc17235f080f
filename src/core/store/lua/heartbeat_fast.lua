-- heartbeat_fast: notes heartbeats without a report of devices that stay online, so that no transition is written. It
--        skips a device whose heartbeat key has expired, that is not announced online, or whose record is not in the
--        fleet's dialect; the caller sends the heartbeat of a skipped device with heartbeat.lua.
-- KEYS   online activity pulse layout | state heartbeat
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout defaultTtl longestTtl exclusive | id ttl
-- Reply  {now, then for each device an array}. The array: {1, 0, deadline, desired version}, where 0 means that it was
--        not offline; {0}: skipped.
-- Events none.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include stamp

probeKeys()
local pulseText = readPulse()
local callerTtl, isExclusive = tonumber(defaultTtl), exclusive == '1'
local dialect = DIALECTS[1]
local idField, lastSeenField, statusField = dialect.id, dialect.lastSeen, dialect.status
local nowText = formatInstant(dialect, now)
local call, match = redis.call, string.match
local first, firstTtl, other, otherTtl
local SKIPPED = {0}

-- Matches the field `devstate` of a device that is announced online (its seq is odd), and captures the version of its
-- desired document and its own TTL.
local ONLINE_STATE = '^%d+ %d+ (%d+) %d+ %d*[13579] %d+ (%d+)$'

local READ_FIELDS = {'id', 'devstate'}

local function heartbeat(stateKey, heartbeatKey, id, ttl)
  if oversizeIn(stateKey, dialect, READ_FIELDS) then return SKIPPED end
  local values = call('HMGET', stateKey, idField, 'devstate')
  if not (values[1] and values[2]) then return SKIPPED end
  local desiredVersion, ownTtl = match(values[2], ONLINE_STATE)
  if not desiredVersion then return SKIPPED end
  if ttl == '' then ttl = ownTtl ~= '0' and ownTtl or callerTtl end
  local deadline = now + ttl
  local deadlineText = int(deadline)
  if not call('GETEX', heartbeatKey, 'PXAT', deadlineText) then return SKIPPED end
  -- SADD is needed in a shared fleet even for a device that is alive: another program that handled a timeout late may
  -- have removed the device from the set of online devices.
  if not isExclusive then call('SADD', onlineKey, id) end
  call('ZADD', activityKey, deadlineText, id)
  call('HSET', stateKey, lastSeenField, nowText, statusField, 'online')
  if not first then first, firstTtl = id, deadline - now
  elseif not other and id ~= first then other, otherTtl = id, deadline - now end
  return {1, 0, deadline, tonumber(desiredVersion)}
end

-- A device that fails is skipped. The caller sends its heartbeat with heartbeat.lua, which fails too and replies the
-- error.
local replies = eachDevice(heartbeat, function() return SKIPPED end)
-- Mostly the pulse was stamped just now. So its functions are made only where they are called: that takes almost 1 us.
if first and not isJustStamped(pulseText, now) then
-- @include pulse
  local pulse = computePulse(pulseText, 'beat', now, tonumber(longestTtl))
  stampBeats(pulse, now, first, firstTtl, other, otherTtl)
end
return {now, unpack(replies)}
