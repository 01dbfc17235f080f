-- The hold: a time after an outage of Redis during which no device is announced offline, so that devices can
-- send heartbeats first. The key `pulse` holds three times in ms: "last contact, last detector step, hold until".
-- A gap of more than 3 s between two contacts is an outage if a detector was running before it. The hold then
-- lasts until now + min(gap, longest TTL). The first script after the outage starts it, so it is in effect
-- before heartbeats that clients queued during the outage arrive.
local GAP_MS, STAMP_EVERY_MS = 3000, 500

local function readPulse()
  local last, detector, hold = string.match(redis.call('GET', pulseKey) or '', '^(%d+) (%d+) (%d+)$')
  return {last = tonumber(last) or 0, detector = tonumber(detector) or 0, hold = tonumber(hold) or 0}
end

-- Returns whether a hold lasts. A last contact in the future means that the clock was set back; the hold is
-- then ignored, because it would last too long.
local function isHeld(pulse, now) return pulse.hold >= now and pulse.last <= now + GAP_MS end

-- Reads the pulse and starts a hold if this script is the first after an outage. Nothing is written yet: a server
-- at `maxmemory` refuses the whole script at its first write that needs memory. `stampPulse` writes.
local function computePulse(now, longestTtl, isDetector)
  local pulse = readPulse()
  local gap = now - pulse.last
  local isOutage = gap > GAP_MS and pulse.detector > 0 and pulse.last - pulse.detector <= GAP_MS
  if isOutage then pulse.hold = math.max(pulse.hold, now + math.min(gap, longestTtl)) end
  if isDetector then pulse.detector = now end
  pulse.isDue = isOutage or isDetector or gap >= STAMP_EVERY_MS or gap < 0
  return pulse
end

-- Writes the pulse if that is due; heartbeats write it at most twice a second. It is written by pcall, because a
-- server at `maxmemory` refuses it, and the rest of a script that frees memory must still be done.
local function stampPulse(pulse, now)
  if pulse.isDue then
    redis.pcall('SET', pulseKey, int(now) .. ' ' .. int(pulse.detector) .. ' ' .. int(pulse.hold))
  end
end
