-- heartbeat_fast: notes heartbeats without a report of devices that stay online. Devices that it skips (see
--        include/beaten.lua) are left to heartbeat.lua.
-- KEYS   online activity pulse layout | state heartbeat
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout defaultTtl longestTtl exclusive | id ttl
-- Reply  {now, then for each device a number or an array}. A number: the desired version; the deadline follows from `ttl`
--        or `defaultTtl`. -1: skipped. {desired version, deadline}: the device has a TTL of its own.
-- Events none.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include beaten
-- @include stamp

probeKeys()
local pulseText = readPulse()
local READ_FIELDS = {'id', 'devstate'}

local function heartbeat(stateKey, heartbeatKey, id, ttl)
  if isBounded and oversizeIn(stateKey, dialect, READ_FIELDS) then return SKIPPED end
  local values = call('HMGET', stateKey, idField, 'devstate')
  if not (values[1] and values[2]) then return SKIPPED end
  local _, _, _, desiredVersion, ownTtl = match(values[2], ONLINE_STATE)
  if not desiredVersion then return SKIPPED end
  local deadline = deadlineOf(ttl, ownTtl)
  if call('PEXPIREAT', heartbeatKey, deadline) == 0 then return SKIPPED end
  -- In an exclusive fleet the status is 'online' already, because the device is announced online.
  if isExclusive then call('HSET', stateKey, lastSeenField, nowText)
  else call('HSET', stateKey, lastSeenField, nowText, statusField, 'online') end
  return addBeaten(id, deadline, ttl, ownTtl, desiredVersion)
end

local replies = eachDeviceOrSkip(heartbeat, {now})
writeIndex()
-- Mostly the pulse was stamped just now. So its functions are made only where they are called: that takes almost 1 us.
if count > 0 and not isJustStamped(pulseText, now) then
-- @include pulse
  local pulse = computePulse(pulseText, 'beat', now, tonumber(longestTtl))
  stampBeats(pulse, now, beaten[1], scores[1] - now, beaten[2], beaten[2] and scores[3] - now)
end
return replies
