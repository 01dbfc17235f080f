-- lower_ttl: lowers the longest heartbeat TTL in the fleet's settings, after audits that found no device with so long
--        a TTL. It is called after each audit of the whole fleet; `ttl` (ms) is the longest TTL that the audit found.
--        Lowering takes two audits: after the first, the field `foundTtl` tells writers to which TTL the setting is to
--        fall, and since when; a writer of a longer TTL clears the field. A writer that has not read the field yet may
--        use a longer TTL without clearing it. So only an audit that began when all writers knew the field lowers the
--        setting. `known` is the field that they knew when the audit began; empty: none.
-- KEYS   meta |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout known ttl |
-- Reply  {now, the field `foundTtl` if all writers know it now, else an empty text}
-- Events none.
-- @include base

-- After how long each writer knows the field `foundTtl`, ms: twice the time for which settings are cached.
local KNOWN_MS = 120000

local stored = redis.call('HMGET', metaKey, 'longestTtl', 'foundTtl')
local longest, inUse, field = tonumber(stored[1] or 0), tonumber(ttl), stored[2] or ''
local found, at = string.match(field, '^(%d+) (%d+)$')
found, at = tonumber(found), tonumber(at)
if not (found and inUse <= found and found < longest and at <= now) then
  local text = longest > inUse and int(inUse) .. ' ' .. int(now) or ''
  if text ~= field then redis.call('HSET', metaKey, 'foundTtl', text) end
  return {now, ''}
end
if field == known then
  redis.call('HSET', metaKey, 'longestTtl', int(found), 'foundTtl', '')
  return {now, ''}
end
return {now, at + KNOWN_MS <= now and field or ''}
