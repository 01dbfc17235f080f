-- raise_ttl: raises the fleet's longest TTL to this one, if it is shorter.
-- KEYS   meta |
-- ARGV   testTime dialectName channel logCap historyCap ttl |
-- Reply  {longest TTL in ms}
-- Events none.
local longest = math.max(tonumber(redis.call('HGET', metaKey, 'longestTtl') or 0), tonumber(ttl))
redis.call('HSET', metaKey, 'longestTtl', string.format('%.0f', longest))
return {longest}
