-- For scripts that note heartbeats of devices that stay online, so that no transition is written. They skip a device
-- that is not announced online, whose heartbeat key has expired, or whose record is not in the fleet's dialect.

-- Matches the field `devstate` of a device that is announced online (its seq is odd), and captures the version of its
-- report and its time, the other numbers, and of these the version of its desired document and its own TTL.
local ONLINE_STATE = '^(%d+) (%d+) ((%d+) %d+ %d*[13579] %d+ (%d+))$'

local isExclusive, isBounded = exclusive == '1', FIELD_LIMIT > 0
local dialect = DIALECTS[1]
local idField, lastSeenField, statusField = dialect.id, dialect.lastSeen, dialect.status
local nowText, defaultDeadline = formatInstant(dialect, now), int(now + defaultTtl)
local call, match = redis.call, string.match

-- The devices that are beaten, and for ZADD the deadline and the id of each. The index is written at the end, because a
-- command for many devices takes much less time than one for each.
local beaten, scores, count = {}, {}, 0

-- Returns the deadline of a heartbeat as text. `ttl` is that of this heartbeat ('': none), `ownTtl` the device's ('0').
local function deadlineOf(ttl, ownTtl)
  if ttl ~= '' then return int(now + ttl) end
  return ownTtl == '0' and defaultDeadline or int(now + ownTtl)
end

-- Notes a device for the index, and returns the reply for it.
local function addBeaten(id, deadline, ttl, ownTtl, desiredVersion)
  count = count + 1
  beaten[count], scores[2 * count - 1], scores[2 * count] = id, deadline, id
  if ttl == '' and ownTtl ~= '0' then return {tonumber(desiredVersion), tonumber(deadline)} end
  return tonumber(desiredVersion)
end

local function writeIndex()
  if count == 0 then return end
  -- SADD is needed in a shared fleet even for devices that are alive: another program that handled a timeout late may have
  -- removed them from the set of online devices.
  if not isExclusive then call('SADD', onlineKey, unpack(beaten)) end
  call('ZADD', activityKey, unpack(scores))
end
