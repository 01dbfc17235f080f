-- settle: decides for each device whether it is online, corrects its record and the index if they say otherwise, and
--        announces a transition that has not been announced, also of a device that another program writes.
-- KEYS   online activity log pulse layout | state heartbeat history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout longestTtl holdTtls caller honourHold isStalled indexOnly presenceCap | id
--        caller: step (of a detector), settle (any other); honourHold: 1, or 0: held devices are announced offline;
--        isStalled: 1: the detector itself was stopped before; indexOnly: 1: only devices in the index are taken for
--        registered, because devices write their own records.
-- Reply  {now, the first and the last end of the holds of these devices, or 0, the longest TTL of one of them or 0, then
--        for each device an array}. The array:
--        online, offline, held (timed out, but not announced offline yet), stray (not registered), or an error; 1 if
--        another program bypassed the index, else an empty text; if an
--        event was announced, also its id in the log, seq, timestamp, type, time of the previous transition.
-- Events online (observed): the device is alive, and that was not announced;
--        offline (timeout): the device timed out, and that was not announced.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include history
-- @include announce
-- @include stamp
-- @include pulse
-- @include hold
-- @include verdict

-- The score in the index of a device whose heartbeat key has no TTL: it is never due.
local NO_TTL_SCORE = 9007199254740991
-- The score of an online device should be its deadline. Other programs do not update it; if it differs by more than
-- BYPASS_TOLERANCE_MS, it is reported that one wrote the key. Smaller differences occur without another program: seconds
-- pass between two reads of the clock if the server stands still or the slot is migrated.
local BYPASS_TOLERANCE_MS = 2000
-- How far the rounding to ms lets the score and the deadline differ.
local ROUNDING_MS = 2
-- How often a deadline is read before it is taken though the server stood still meanwhile.
local MAX_READINGS = 5

probeKeys()
local readDevice = makeDeviceReader({'registered'})
local longest = tonumber(longestTtl)
local pulse = computePulse(readPulse(), caller, now, longest, isStalled == '1')
local firstHoldEnd, lastHoldEnd, longestInUse = 0, 0, 0
-- Heartbeats that other programs or the devices themselves wrote: by the index the devices were due, but they are online.
local seen = {}

local function deadlineAfter(time, remaining)
  return remaining == ENDLESS and NO_TTL_SCORE or math.min(time + math.max(remaining, 1), NO_TTL_SCORE)
end

-- Whether PTTL counts from the start of the script (`now`), as it does since Redis 7.2, or from the moment of the call.
local COUNTS_FROM_START = (redis.REDIS_VERSION_NUM or 0) >= 0x70200

-- Returns the deadline of a heartbeat key whose PTTL was `remaining`. Where PTTL counts from the moment of the call, it is
-- read again between two readings of the clock: the server may have stood still since `now`, or between two calls. If the
-- deadline has passed meanwhile, PTTL no longer tells it. Then `now` + `remaining` is returned, which is not too late.
local function exactDeadline(heartbeatKey, remaining)
  local earliest = deadlineAfter(now, remaining)
  if COUNTS_FROM_START then return earliest end
  local time, after = 0, readTime()
  for _ = 1, MAX_READINGS do
    time = after
    remaining = redis.call('PTTL', heartbeatKey)
    after = readTime()
    if after - time < ROUNDING_MS then break end
  end
  if remaining == 0 or remaining == GONE then return earliest end
  return deadlineAfter(time, remaining)
end

-- Returns by how many ms a device's score in the index differs from the deadline that follows from `remaining`, the PTTL
-- of its heartbeat key, which was just read: whichever moment PTTL counts from.
local function scoreError(score, remaining)
  if not score then return math.huge end
  local early = deadlineAfter(now, remaining) - ROUNDING_MS - score
  if early > 0 or early >= -2 * ROUNDING_MS then return math.max(early, 0) end
  return math.max(score - deadlineAfter(readTime(), remaining) - ROUNDING_MS, 0)
end

-- Notes the longest TTL of a device, ms: its own, and that of the heartbeat that keeps it online until `score`. A heartbeat
-- key that never expires does not count.
local function noteTtl(device, score)
  local lastSeen = device.lastSeen > 0 and math.min(device.lastSeen, now) or now
  local deadline = score and score < NO_TTL_SCORE and score or 0
  longestInUse = math.max(longestInUse, device.state[OWN_TTL], deadline - lastSeen)
end

-- Returns whether another program changed the device without updating the index or announcing it.
local function isBypassed(device, status, score, wrongBy)
  if status == 'online' then return device.events ~= nil or wrongBy > BYPASS_TOLERANCE_MS end
  return not score or score > now + BYPASS_TOLERANCE_MS or (score <= 0 and score ~= -device.lastSeen)
end

-- Returns the TTL of a last heartbeat that is in the future because the clock was set back after it; nil if it is not in
-- the future, or another program may have written it, whose clock may be ahead of the server's at any time. devstate's
-- scripts also write the deadline to the index. Devices with logins of their own take the time from the server.
local function ttlBeforeSetBack(device, remaining, score)
  if remaining < 0 or pulse.from ~= SET_BACK or device.lastSeen <= now + BYPASS_TOLERANCE_MS then return end
  local isIndexed = score and score > device.lastSeen and math.abs(now + remaining - score) <= BYPASS_TOLERANCE_MS
  if isIndexed then return math.min(score - device.lastSeen, longest) end
  if indexOnly == '1' then return device.state[OWN_TTL] > 0 and math.min(device.state[OWN_TTL], longest) or longest end
end

-- If the last heartbeat is in the future because the clock was set back, its key would keep the device online for too
-- long. The heartbeat is then replaced by one of now with the same TTL. Returns what PTTL replies for the key after that.
local function endFutureHeartbeat(device, stateKey, heartbeatKey, remaining, score)
  local ttl = ttlBeforeSetBack(device, remaining, score)
  if not ttl then return remaining end
  device.lastSeen = now
  redis.call('HSET', stateKey, device.dialect.lastSeen, formatInstant(device.dialect, now))
  if remaining <= ttl then return remaining end
  redis.call('PEXPIRE', heartbeatKey, int(ttl))
  return ttl
end

local function removeStray(id, remaining)
  if remaining == GONE then redis.call('SREM', onlineKey, id) end
  return {'stray', redis.call('ZREM', activityKey, id) == 1 and '1' or ''}
end

local function settle(stateKey, heartbeatKey, presenceHistoryKey, id)
  local remaining, device, score, status
  -- All reads of the device are in this function, because any of them fails if its key holds another Redis type, and
  -- all these failures are handled alike below.
  local succeeded, raised = xpcall(function()
    remaining = redis.call('PTTL', heartbeatKey)
    score = readScore(id)
    if indexOnly == '1' and not score then return end
    local oversize
    device, oversize = readDevice(id, stateKey)
    if oversize then error({err = oversize}, 0) end
    if not device then return end
    device.history = presenceHistoryKey
    local ends = heldUntil(device, remaining, score, pulse, now, longest)
    if ends then
      firstHoldEnd = firstHoldEnd == 0 and ends or math.min(firstHoldEnd, ends)
      lastHoldEnd = math.max(lastHoldEnd, ends)
    end
    status = judge(device, remaining, score, now, ends and honourHold == '1')
  end, errorText)
  if not succeeded then
    -- A device that fails is removed from the index, or detectors would find it due again and again. The audit, which
    -- goes through all registered devices, settles it later. With `indexOnly` it stays in the index, as never seen.
    if indexOnly == '1' then redis.call('ZADD', activityKey, 'XX', '0', id) else redis.call('ZREM', activityKey, id) end
    if remaining == GONE then redis.call('SREM', onlineKey, id) end
    error(raised, 0)
  end
  if not device then return removeStray(id, remaining) end
  if status == 'held' then
    noteTtl(device, score)
    -- A detector finds it again by its deadline, when the hold has ended.
    if not score or score <= 0 then
      local _, deadline = holdEndOf(device, score, pulse, now, longest)
      redis.call('ZADD', activityKey, int(deadline), id)
    end
    return {status}
  end

  remaining = endFutureHeartbeat(device, stateKey, heartbeatKey, remaining, score)
  local wrongBy = status == 'online' and scoreError(score, remaining)
  local bypassed = isBypassed(device, status, score, wrongBy)
  if status == 'online' then
    redis.call('SADD', onlineKey, id)
    if score and score > 0 and score < now then
      local at = math.min(device.lastSeen, now)
      table.insert(seen, {id = id, at = at, ttl = math.min(deadlineAfter(now, remaining) - at, longest)})
    end
    -- A key that expired since the script began (`remaining` is 0) is gone for the next script; its deadline stays.
    if wrongBy > 0 and not (score and remaining == 0) then
      score = exactDeadline(heartbeatKey, remaining)
      redis.call('ZADD', activityKey, int(score), id)
    end
  else
    redis.call('SREM', onlineKey, id)
    if score ~= -device.lastSeen then redis.call('ZADD', activityKey, int(-device.lastSeen), id) end
    score = 0
  end
  noteTtl(device, score)
  logEvents(device)
  writePresence(stateKey, device, status)
  publishEvents(device, presenceCap)
  local mark = bypassed and '1' or ''
  local event = device.events and device.events[1]
  if not event then return {status, mark} end
  return {status, mark, event.id, event.seq, event.at, announcedType(device), event.previous}
end

local replies = eachDevice(settle, function(raised) return {raised} end)
table.sort(seen, function(a, b) return a.at < b.at or a.at == b.at and a.id < b.id end)
for _, each in ipairs(seen) do addSeen(pulse, each.id, each.ttl, each.at, longest) end
stampPulse(pulse)
return {now, int(firstHoldEnd), int(lastHoldEnd), int(longestInUse), unpack(replies)}
