-- unregister: removes a device and all its keys, whichever program wrote them.
-- KEYS   registered types online activity log pulse | state heartbeat type history:reported history:desired history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes | id type
-- Reply  {1}: removed; {0}: the device was not registered and had no record; {2, type}: the device's type is not the
--        given one but this one, so call again with it.
-- Events offline, if the device was last announced online. The reason is timeout if its heartbeat key had expired and
--        no hold lasts, else unregister.
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include hold

probeKeys()
local device, oversize = makeDeviceReader()(id, stateKey)
if oversize then return redis.error_reply(oversize) end
if device and device.type ~= deviceType then return {2, device.type} end
if device and isAnnouncedOnline(device) then
  -- `computePulse` is called only to find out whether a hold lasts now; the pulse is not written. Its second
  -- argument, the longest TTL, only limits how long a new hold lasts, so 0 is passed and the setting need not be
  -- known.
  local held = isHeld(computePulse(now, 0, false), now)
  if held or redis.call('EXISTS', heartbeatKey) == 1 then
    addTransition(device, 'offline', now, 'unregister')
  else
    addTimeout(device, readScore(id), now)
  end
end

local removed = redis.call('SREM', registeredKey, id)
if device then logEvents(device) end
removed = removed + redis.call('DEL', stateKey)
redis.call('DEL', heartbeatKey, reportedHistoryKey, desiredHistoryKey, presenceHistoryKey)
redis.call('SREM', onlineKey, id)
redis.call('ZREM', activityKey, id)
redis.call('SREM', typeKey, id)
if redis.call('EXISTS', typeKey) == 0 then redis.call('SREM', typesKey, deviceType) end
if device then publishEvents(device) end
return {removed > 0 and 1 or 0}
