-- raise_ttl: raises the longest heartbeat TTL that the fleet's settings note to `ttl` (ms), if it is shorter.
-- KEYS   meta |
-- ARGV   testTime dialectName channel logCap historyCap ttl |
-- Reply  {the fleet's longest TTL now, ms}
-- Events none.
local longest = math.max(tonumber(redis.call('HGET', metaKey, 'longestTtl') or 0), tonumber(ttl))
redis.call('HSET', metaKey, 'longestTtl', string.format('%.0f', longest))
return {longest}
