-- settle: decides for each device whether it is online, corrects its record and the index if they say otherwise, and
--        announces a transition that has not been announced, also of a device that another program writes.
-- KEYS   online activity log pulse layout | state heartbeat history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes layout longestTtl detector honourHold indexOnly | id
--        indexOnly: 1: only devices in the index are taken for registered, because devices write their own records.
-- Reply  {now, end of the hold, then for each device an array}. The array: online, offline, held (timed out during a hold),
--        stray (not registered), or an error; 1 if another program bypassed the index, else an empty text; if an
--        event was announced, also its id in the log, seq, timestamp, type, time of the previous transition.
-- Events online (observed): the device is alive, and that was not announced;
--        offline (timeout): the device timed out, and that was not announced.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include history
-- @include announce
-- @include hold
-- @include verdict

-- The score in the index of a device whose heartbeat key has no TTL: it is never due.
local NO_TTL_SCORE = 9007199254740991
-- The score of an online device should be now + PTTL of its heartbeat key. If it differs by more than
-- CORRECT_TOLERANCE_MS, it is corrected; by more than BYPASS_TOLERANCE_MS, it is also reported that another program
-- wrote the key. Smaller differences occur without another program: TIME and PTTL read the clock at different moments,
-- seconds apart if the server stood still between them or the slot was migrated.
local CORRECT_TOLERANCE_MS, BYPASS_TOLERANCE_MS = 50, 2000

probeKeys()
local readDevice = makeDeviceReader({'registered'})
local isDetector = detector == '1'
local pulse = isDetector and computePulse(now, tonumber(longestTtl), true) or readPulse()
local held = honourHold == '1' and isHeld(pulse, now)

local function deadlineOf(remaining)
  return remaining == ENDLESS and NO_TTL_SCORE or math.min(now + math.max(remaining, 1), NO_TTL_SCORE)
end

-- Returns whether a device's score in the index differs by more than `tolerance` ms from the deadline that follows from
-- `remaining`, the PTTL of its heartbeat key; true also if the index does not contain the device.
local function isScoreWrong(score, remaining, tolerance)
  return not score or math.abs(score - deadlineOf(remaining)) > tolerance
end

-- Returns whether another program changed the device without updating the index or announcing it.
local function isBypassed(device, status, score, remaining)
  if status == 'online' then return device.events ~= nil or isScoreWrong(score, remaining, BYPASS_TOLERANCE_MS) end
  return not score or score > now + BYPASS_TOLERANCE_MS or (score <= 0 and score ~= -device.lastSeen)
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
    status = judge(device, remaining, score, now, held)
  end, errorText)
  if not succeeded then
    -- A device that fails is removed from the index, or detectors would find it due again and again. The audit, which
    -- goes through all registered devices, settles it later. With `indexOnly` it stays in the index, as never seen.
    if indexOnly == '1' then redis.call('ZADD', activityKey, 'XX', '0', id) else redis.call('ZREM', activityKey, id) end
    if remaining == GONE and not held then redis.call('SREM', onlineKey, id) end
    error(raised, 0)
  end
  if not device then return removeStray(id, remaining) end
  if status == 'held' then return {status} end

  local bypassed = isBypassed(device, status, score, remaining)
  if status == 'online' then
    redis.call('SADD', onlineKey, id)
    if isScoreWrong(score, remaining, CORRECT_TOLERANCE_MS) or score <= now then
      redis.call('ZADD', activityKey, int(deadlineOf(remaining)), id)
    end
  else
    redis.call('SREM', onlineKey, id)
    if score ~= -device.lastSeen then redis.call('ZADD', activityKey, int(-device.lastSeen), id) end
  end
  logEvents(device)
  writePresence(stateKey, device, status)
  publishEvents(device)
  local mark = bypassed and '1' or ''
  local event = device.events and device.events[1]
  if not event then return {status, mark} end
  return {status, mark, event.id, event.seq, event.at, announcedType(device), event.previous}
end

local replies = eachDevice(settle, function(raised) return {raised} end)
if isDetector then stampPulse(pulse, now) end
return {now, int(pulse.holdUntil), unpack(replies)}
