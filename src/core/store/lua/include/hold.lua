-- The hold: a time after an outage of Redis during which no device is announced offline, so that devices can send
-- heartbeats first. The key `pulse` holds three times in epoch ms: when a script last wrote the key (the last contact),
-- the last step of a detector, and the end of the hold. A gap of more than 3 s after the last contact is an outage if a
-- detector was running before it. The hold then lasts until now + min(gap, longest TTL). The first script after the
-- outage starts the hold, so that it is in effect when heartbeats arrive that clients queued during the outage.

-- GAP_MS: a longer time without contact is taken for an outage. STAMP_EVERY_MS: the shortest time between two writes
-- of the last contact by heartbeats. It must stay well below GAP_MS, or the pauses between these writes would be
-- taken for outages.
local GAP_MS, STAMP_EVERY_MS = 3000, 500

local function readPulse()
  local last, detector, hold = string.match(redis.call('GET', pulseKey) or '', '^(%d+) (%d+) (%d+)$')
  return {lastContactAt = tonumber(last) or 0, detectorAt = tonumber(detector) or 0, holdUntil = tonumber(hold) or 0}
end

-- Returns whether a hold lasts now. If the last contact is in the future by more than 3 s, the clock of the server was
-- set back. The hold is then ignored, because it would last too long.
local function isHeld(pulse, now) return pulse.holdUntil >= now and pulse.lastContactAt <= now + GAP_MS end

-- Returns the pulse as it should become, with a new hold if this script is the first after an outage. It is not written
-- yet, but by `stampPulse` at the end of the script: at `maxmemory` a server refuses a script's first write if it needs
-- memory, so the writes that may free memory come first.
local function computePulse(now, longestTtl, isDetector)
  local pulse = readPulse()
  local gap = now - pulse.lastContactAt
  local isOutage = gap > GAP_MS and pulse.detectorAt > 0 and pulse.lastContactAt - pulse.detectorAt <= GAP_MS
  if isOutage then pulse.holdUntil = math.max(pulse.holdUntil, now + math.min(gap, longestTtl)) end
  if isDetector then pulse.detectorAt = now end
  pulse.mustWrite = isOutage or isDetector or gap >= STAMP_EVERY_MS or gap < 0
  return pulse
end

-- Writes the pulse if the script is a detector's, a hold starts, or the pulse was not written for 500 ms; so heartbeats
-- write it at most twice a second. A server at `maxmemory` may refuse the write, and the script must not fail then. On
-- a replica it must fail: a detector whose connection leads to one is to leave it, though no device is due.
local function stampPulse(pulse, now)
  if not pulse.mustWrite then return end
  local text = int(now) .. ' ' .. int(pulse.detectorAt) .. ' ' .. int(pulse.holdUntil)
  local reply = redis.pcall('SET', pulseKey, text)
  if reply.err and string.find(reply.err, 'READONLY', 1, true) then redis.call('SET', pulseKey, text) end
end
