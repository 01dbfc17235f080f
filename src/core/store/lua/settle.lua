-- settle: passes the verdict on the devices, whoever else wrote them.
-- KEYS   online activity log pulse | state heartbeat history:presence
-- ARGV   now dialect channel logCap historyCap longestTtl detector honourHold | id
-- Reply  {hold until, then for each device an array: online, offline, held, stray, or an error;
--        1 where the index was bypassed, else an empty text; where it announced: id in the log,
--        seq, timestamp, type, previous transition}.
-- Events online (observed): alive and not announced; offline (timeout): gone and not announced.
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include pulse
-- @include verdict

local FAR = 9007199254740991 -- the score of a heartbeat without a TTL
local NEAR = 50 -- PTTL is read on another clock tick than TIME
local ASTRAY = 2000 -- or, where the server stood still or a slot was moved, on one much later

local now = moment()
probe('SCARD', 'ZCARD', 'XLEN')
local readDevice = deviceReader({'registered'})
local isDetector = ARGV[7] == '1'
local pulse = isDetector and takePulse(KEYS[4], now, tonumber(ARGV[6]), true) or readPulse(KEYS[4])
local held = ARGV[8] == '1' and isHeld(pulse, now)

local function deadlineOf(remaining)
  return remaining == ENDLESS and FAR or now + math.max(remaining, 1)
end

local function isOff(score, remaining, tolerance)
  return not score or math.abs(score - deadlineOf(remaining)) > tolerance
end

-- Whether it is otherwise than devstate's scripts leave it.
local function isBypassed(device, status, score, remaining)
  if status == 'online' then return device.events ~= nil or isOff(score, remaining, ASTRAY) end
  return not score or score > now + ASTRAY or (score <= 0 and score ~= -device.lastSeen)
end

local function forgetStray(id, remaining)
  if remaining == GONE then redis.call('SREM', KEYS[1], id) end
  return {'stray', redis.call('ZREM', KEYS[2], id) == 1 and '1' or ''}
end

-- All that is read of a device, which may raise, and what comes of it.
local function look(keyAt, id)
  local remaining = redis.call('PTTL', KEYS[keyAt + 1])
  local device = readDevice(id, KEYS[keyAt])
  if not device then return remaining end
  device.history = KEYS[keyAt + 2]
  local score = scoreOf(KEYS[2], id)
  return remaining, device, score, judge(device, remaining, score, now, held)
end

local function verdict(keyAt, id)
  local readable, remaining, device, score, status = attempt(look, keyAt, id)
  if not readable then
    redis.call('ZREM', KEYS[2], id) -- where it would be due for ever; the audit looks again
    error(remaining, 0) -- which is the error
  end
  if not device then return forgetStray(id, remaining) end
  if status == 'held' then return {status} end

  local bypassed = isBypassed(device, status, score, remaining)
  if status == 'online' then
    redis.call('SADD', KEYS[1], id)
    if isOff(score, remaining, NEAR) or score <= now then redis.call('ZADD', KEYS[2], int(deadlineOf(remaining)), id) end
  else
    redis.call('SREM', KEYS[1], id)
    if score ~= -device.lastSeen then redis.call('ZADD', KEYS[2], int(-device.lastSeen), id) end
  end
  log(KEYS[3], device)
  writePresence(device, status)
  publish(device)
  local mark = bypassed and '1' or ''
  local event = device.events and device.events[1]
  if not event then return {status, mark} end
  return {status, mark, event.id, event.seq, event.at, device.type, event.previous}
end

local replies = {int(pulse.hold)}
for i = 1, #ARGV - 8 do
  local done, reply = attempt(verdict, 2 + i * 3, ARGV[8 + i])
  replies[i + 1] = done and reply or {reply}
end
if isDetector then stampPulse(KEYS[4], pulse, now) end
return replies
