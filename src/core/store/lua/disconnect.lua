-- disconnect: the device said goodbye; it is offline from now on.
-- KEYS   online activity log pulse | state heartbeat history:presence
-- ARGV   now dialect channel logCap historyCap longestTtl | id
-- Reply  {1, was online}; {0}: not registered.
-- Events what settle would announce; if that leaves it online, offline (disconnect).
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include pulse
-- @include verdict

local now = moment()
probe('SCARD', 'ZCARD', 'XLEN')
local id = ARGV[7]
local device = deviceReader({'registered'})(id, KEYS[5])
if not device then return {0} end
device.history = KEYS[7]
local remaining = redis.call('PTTL', KEYS[6])
local pulse = takePulse(KEYS[4], now, tonumber(ARGV[6]), false)
local score = scoreOf(KEYS[2], id)
judge(device, remaining, score, now, isHeld(pulse, now))
if isAnnouncedOnline(device) then depart(device, now, 'disconnect', score, now) end

redis.call('DEL', KEYS[6]) -- first: a detector may do all else that stands here, and must leave nothing half-done
redis.call('SREM', KEYS[1], id)
redis.call('ZADD', KEYS[2], int(-device.lastSeen), id)
log(KEYS[3], device)
writePresence(device, 'offline')
publish(device)
if device.events then stampPulse(KEYS[4], pulse, now) end
return {1, remaining ~= GONE and 1 or 0}
