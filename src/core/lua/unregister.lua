-- unregister: removes the device and all that is kept of it, whoever wrote it.
-- KEYS   registered types online activity log | state heartbeat type history:reported history:desired history:presence
-- ARGV   now dialect channel logCap historyCap | id type
-- Reply  {1}: removed; {0}: nothing was there; {2, type}: it is of this type by now, come again.
-- Events if last announced online: offline (unregister; timeout, where it had lapsed).
-- @include base
-- @include record
-- @include history
-- @include announce

local now = moment()
probe('SCARD', 'SCARD', 'SCARD', 'ZCARD', 'XLEN', 'HLEN', 'EXISTS', 'SCARD')
local id, expectedType = ARGV[6], ARGV[7]
local device = deviceReader()(id, KEYS[6])
if device and device.type ~= expectedType then return {2, device.type} end
if device and isAnnouncedOnline(device) then
  if redis.call('EXISTS', KEYS[7]) == 1 then
    transition(device, 'offline', now, 'unregister')
  else
    transition(device, 'offline', lapsedAt(device, scoreOf(KEYS[4], id), now), 'timeout')
  end
end

local removed = redis.call('SREM', KEYS[1], id)
if device then log(KEYS[5], device) end
removed = removed + redis.call('DEL', KEYS[6])
redis.call('DEL', KEYS[7], KEYS[9], KEYS[10], KEYS[11])
redis.call('SREM', KEYS[3], id)
redis.call('ZREM', KEYS[4], id)
redis.call('SREM', KEYS[8], id)
if redis.call('EXISTS', KEYS[8]) == 0 then redis.call('SREM', KEYS[2], expectedType) end
if device then publish(nil, device) end
return {removed > 0 and 1 or 0}
