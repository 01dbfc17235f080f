-- raise_ttl: sets the longest heartbeat TTL in the fleet's settings to `ttl` (ms), if the stored one is shorter; and
--        keeps `lower_ttl` from lowering it to less than `ttl`.
-- KEYS   meta |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout ttl |
-- Reply  {now, the fleet's longest TTL now, ms}
-- Events none.
-- @include base

local longest = math.max(tonumber(redis.call('HGET', metaKey, 'longestTtl') or 0), tonumber(ttl))
local found = string.match(redis.call('HGET', metaKey, 'foundTtl') or '', '^%d+')
redis.call('HSET', metaKey, 'longestTtl', int(longest))
if found and tonumber(found) < tonumber(ttl) then redis.call('HSET', metaKey, 'foundTtl', '') end
return {now, longest}
