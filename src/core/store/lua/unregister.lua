-- unregister: removes the device and all that is kept of it, whoever wrote it.
-- KEYS   registered types online activity log pulse | state heartbeat type history:reported history:desired history:presence
-- ARGV   now dialect channel logCap historyCap | id type
-- Reply  {1}: removed; {0}: nothing was there; {2, type}: it is of this type by now, come again.
-- Events if last announced online: offline (unregister; timeout, where it had lapsed and no hold lasts).
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include pulse

local now = moment()
probe('SCARD', 'SCARD', 'SCARD', 'ZCARD', 'XLEN', 'GET', 'HLEN', 'EXISTS', 'SCARD')
local id, expectedType = ARGV[6], ARGV[7]
local device = deviceReader()(id, KEYS[7])
if device and device.type ~= expectedType then return {2, device.type} end
if device and isAnnouncedOnline(device) then
  -- Whether a hold lasts now; for how long, is for those to say who stamp the pulse.
  local held = isHeld(takePulse(KEYS[6], now, 0, false), now)
  if held or redis.call('EXISTS', KEYS[8]) == 1 then
    transition(device, 'offline', now, 'unregister')
  else
    lapse(device, scoreOf(KEYS[4], id), now)
  end
end

local removed = redis.call('SREM', KEYS[1], id)
if device then log(KEYS[5], device) end
removed = removed + redis.call('DEL', KEYS[7])
redis.call('DEL', KEYS[8], KEYS[10], KEYS[11], KEYS[12])
redis.call('SREM', KEYS[3], id)
redis.call('ZREM', KEYS[4], id)
redis.call('SREM', KEYS[9], id)
if redis.call('EXISTS', KEYS[9]) == 0 then redis.call('SREM', KEYS[2], expectedType) end
if device then publish(device) end
return {removed > 0 and 1 or 0}
