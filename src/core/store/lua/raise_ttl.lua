-- raise_ttl: the fleet's longest TTL is at least this one.
-- KEYS   meta |
-- ARGV   now dialect channel logCap historyCap ttl |
-- Reply  {longest TTL}
-- Events none.
local longest = math.max(tonumber(redis.call('HGET', KEYS[1], 'longestTtl') or 0), tonumber(ARGV[6]))
redis.call('HSET', KEYS[1], 'longestTtl', string.format('%.0f', longest))
return {longest}
