-- remove_from_type: removes a device from the set of a type that is not its type. The device is left in such a set when
--        another program registers it again with a new type.
-- KEYS   types layout | state type
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout | id type
-- Reply  {now, 1}: removed, also if the record of the device cannot be read; {now, 0}: not removed, because `type` is the
--        type of the device.
-- Events none.
-- @include base
-- @include layout
-- @include record

probeKeys()
local length = redis.pcall('HLEN', stateKey)
local isHash = type(length) == 'number'
if not isHash and not string.find(length.err, 'WRONGTYPE', 1, true) then return length end
local device = isHash and makeDeviceReader()(id, stateKey)
if device and device.type == deviceType then return {now, 0} end
redis.call('SREM', typeKey, id)
if redis.call('EXISTS', typeKey) == 0 then redis.call('SREM', typesKey, deviceType) end
return {now, 1}
