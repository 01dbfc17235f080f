-- disconnect: sets a device offline at once, without waiting for its heartbeat key to expire.
-- KEYS   online activity log pulse layout | state heartbeat history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout longestTtl holdTtls presenceCap | id
-- Reply  {now, 1, was online}; {now, 0}: not registered.
-- Events first a transition that was not announced, if there is one: offline (timeout) or online (observed); then, if
--        the device is announced online, offline (disconnect).
-- @include base
-- @include layout
-- @include record
-- @include history
-- @include announce
-- @include stamp
-- @include pulse
-- @include hold
-- @include verdict

probeKeys()
local device, oversize = makeDeviceReader({'registered'})(id, stateKey)
if oversize then return redis.error_reply(oversize) end
if not device then return {now, 0} end
device.history = presenceHistoryKey
local remaining = redis.call('PTTL', heartbeatKey)
local longest = tonumber(longestTtl)
local pulse = computePulse(readPulse(), 'beat', now, longest)
local score = readScore(id)
judge(device, remaining, score, now, heldUntil(device, remaining, score, pulse, now, longest))
if isAnnouncedOnline(device) then addOffline(device, now, 'disconnect', score, now) end

-- The heartbeat key is deleted before any other write: if the script fails after that, a detector finds the device
-- offline and makes the other changes.
redis.call('DEL', heartbeatKey)
redis.call('SREM', onlineKey, id)
redis.call('ZADD', activityKey, int(-device.lastSeen), id)
logEvents(device)
writePresence(stateKey, device, 'offline')
publishEvents(device, presenceCap)
if device.events then stampBeats(pulse, now, id, 0) end
return {now, 1, remaining ~= GONE and 1 or 0}
