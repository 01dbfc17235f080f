-- remove_from_type: removes a device from the set of a type that it does not have. Another program leaves it there
--        when it registers the device again with another type.
-- KEYS   types | state type
-- ARGV   testTime dialectName channel logCap historyCap | id type
-- Reply  {1}: removed; {0}: the device has this type now.
-- Events none.
-- @include base
-- @include record

probeKeys()
local device = makeDeviceReader()(id, stateKey)
if device and device.type == deviceType then return {0} end
redis.call('SREM', typeKey, id)
if redis.call('EXISTS', typeKey) == 0 then redis.call('SREM', typesKey, deviceType) end
return {1}
