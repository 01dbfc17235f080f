-- leave_type: takes a device out of the set of a type that is not its own: another program
-- registered it anew as of another type, and left it there.
-- KEYS   types | state type
-- ARGV   now dialect channel logCap historyCap | id type
-- Reply  {1}: left; {0}: it is its type by now.
-- Events none.
-- @include base
-- @include record

probe('SCARD', 'HLEN', 'SCARD')
local id, staleType = ARGV[6], ARGV[7]
local device = deviceReader()(id, KEYS[2])
if device and device.type == staleType then return {0} end
redis.call('SREM', KEYS[3], id)
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[1], staleType) end
return {1}
