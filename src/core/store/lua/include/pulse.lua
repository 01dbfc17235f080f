-- The hold. `devices:pulse` is "last contact, last detector step, hold until" in ms. A gap
-- of over 3 s in which nobody reached Redis though a detector was at work before it is an
-- outage: until now + min(gap, longest TTL) no verdict is passed. Measured here, on the
-- server's clock, it wins the race against heartbeats that queued up meanwhile.
local GAP, STAMP_EVERY = 3000, 500

local function readPulse(key)
  local last, detector, hold = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  return {last = tonumber(last) or 0, detector = tonumber(detector) or 0, hold = tonumber(hold) or 0}
end

-- A clock that was set back would hold for as long: what was last in the future holds nothing.
local function isHeld(pulse, now) return pulse.hold >= now and pulse.last <= now + GAP end

-- Feels the pulse: opens a hold where an outage ended. Writes nothing yet, because at
-- `maxmemory` a script is refused at its first allocating write.
local function takePulse(key, now, longestTtl, isDetector)
  local pulse = readPulse(key)
  local gap = now - pulse.last
  local outage = gap > GAP and pulse.detector > 0 and pulse.last - pulse.detector <= GAP
  if outage then pulse.hold = math.max(pulse.hold, now + math.min(gap, longestTtl)) end
  if isDetector then pulse.detector = now end
  pulse.due = outage or isDetector or gap >= STAMP_EVERY or gap < 0
  return pulse
end

-- Heartbeats stamp at most twice a second. At `maxmemory` the stamp is refused, and the
-- verdicts, which free memory, must not fail for it: hence pcall.
local function stampPulse(key, pulse, now)
  if pulse.due then redis.pcall('SET', key, int(now) .. ' ' .. int(pulse.detector) .. ' ' .. int(pulse.hold)) end
end
