-- Decides whether a device is online: it is online if its heartbeat key exists, else offline.

-- What PTTL replies for a key that does not exist (GONE), and for a key without a TTL (ENDLESS).
local GONE, ENDLESS = -2, -1

-- Returns until when (epoch ms) a device that timed out is held; nil if it did not time out, its timeout was announced
-- already, or it is not held.
local function heldUntil(device, remaining, score, pulse, now, longestTtl)
  if remaining ~= GONE or not isAnnouncedOnline(device) then return end
  return (holdEndOf(device, score, pulse, now, longestTtl))
end

-- Returns 'online', 'offline' or 'held'. 'held': the heartbeat key expired, but "offline" is not announced yet. If
-- 'online' or 'offline' was not announced before, the transition is added to the device in memory; nothing is written to
-- Redis. `remaining` is what PTTL replies for the heartbeat key.
local function judge(device, remaining, score, now, isHeld)
  if remaining ~= GONE then
    if not isAnnouncedOnline(device) then
      addTransition(device, 'online', now, 'observed', device.state[PRESENCE_AT], now)
    end
    return 'online'
  end
  if isAnnouncedOnline(device) then
    if isHeld then return 'held' end
    addTimeout(device, score, now)
  end
  return 'offline'
end

-- Writes the fields `status` and `devstate` of a device's record, each only if it changed.
local function writePresence(stateKey, device, status)
  local fields = {}
  if device.events then fields = {'devstate', packState(device.state)} end
  if device.status ~= status then
    table.insert(fields, device.dialect.status)
    table.insert(fields, status)
  end
  if #fields > 0 then redis.call('HSET', stateKey, unpack(fields)) end
end
