-- raise_ttl: sets the longest heartbeat TTL in the fleet's settings to `ttl` (ms), if the stored one is shorter.
-- KEYS   meta |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes layout ttl |
-- Reply  {now, the fleet's longest TTL now, ms}
-- Events none.
-- @include base

local longest = math.max(tonumber(redis.call('HGET', metaKey, 'longestTtl') or 0), tonumber(ttl))
redis.call('HSET', metaKey, 'longestTtl', int(longest))
return {now, longest}
