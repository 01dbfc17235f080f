-- disconnect: takes a device offline at once, because it said that it goes.
-- KEYS   online activity log pulse | state heartbeat history:presence
-- ARGV   testTime dialectName channel logCap historyCap longestTtl | id
-- Reply  {1, was online}; {0}: not registered.
-- Events those that settle would announce; if the device is online after them, offline (disconnect).
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include hold
-- @include verdict

local now = currentTime()
probeKeys()
local device = deviceReader({'registered'})(id, stateKey)
if not device then return {0} end
device.history = presenceHistoryKey
local remaining = redis.call('PTTL', heartbeatKey)
local pulse = updatedPulse(now, tonumber(longestTtl), false)
local score = scoreOf(id)
judge(device, remaining, score, now, isHeld(pulse, now))
if isAnnouncedOnline(device) then addOffline(device, now, 'disconnect', score, now) end

-- The heartbeat key is deleted first: should the script end after it, a detector does all the rest.
redis.call('DEL', heartbeatKey)
redis.call('SREM', onlineKey, id)
redis.call('ZADD', activityKey, int(-device.lastSeen), id)
logEvents(device)
writePresence(device, 'offline')
publishEvents(device)
if device.events then stampPulse(pulse, now) end
return {1, remaining ~= GONE and 1 or 0}
