-- The pulse of a partition: when heartbeats and detectors last came, and the last outage, from which `hold.lua` decides.
--
-- The key `pulse` holds ten numbers and a device id, separated by spaces. Times are epoch ms, gaps are ms.
--   last             the last heartbeat
--   change2 change1  the last two changes, `change1` is the later. A change is a heartbeat of another device than that of
--                    the change before
--   gap gapBefore    the longest time from a change to the second change after it, in the present window and in the
--                    window before. It spans two changes, so that one device that stops does not lengthen it
--   since            the start of the present window
--   ttl              the longest TTL of the devices whose heartbeats were added, ms; it is halved at the end of each
--                    window, so that it falls when devices are gone. A window lasts twice this TTL
--   step             when a detector last read the index or settled devices; 0: no detector runs
--   from to          the last outage. from = NO_PULSE: there was no pulse before `to`; SET_BACK: the clock was set back at
--                    `to`
--   id               the device of `change1`

-- It is an outage (`silent`) if no heartbeat came for longer than SILENT_MS, and for longer than SILENT_GAPS usual gaps.
-- It is also an outage (`cut`) if a detector was running, and neither a heartbeat nor a step of a detector came for longer
-- than CUT_MS. LEAST_PART: an outage is ignored for a device if it is shorter than this part of the device's TTL, and for
-- all devices if it is shorter than this part of the outage that it continues.
local SILENT_MS, SILENT_GAPS, CUT_MS, LEAST_PART = 300, 1.5, 2000, 1 / 8
local NO_PULSE, SET_BACK = 1, 2
local PULSE = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (.*)$'
local PULSE_0_1 = '^(%d+) (%d+) %d+$'

-- Returns the pulse in `text`. A stored time that is later than `now`, because the clock was set back, is replaced by
-- `now`. If the clock was set back by more than CUT_MS, or if there is no pulse, the time until now counts as an outage.
-- Of a pulse that devstate 0.1 wrote, which may run beside this program, the last contact and the last step are used: if
-- it counted as no pulse, all devices would be held for as long as a detector of 0.1 runs.
local function parsePulse(text, now, longestTtl)
  local last, change2, change1, gap, gapBefore, since, ttl, step, from, to, id = string.match(text, PULSE)
  if not last then
    last, step = string.match(text, PULSE_0_1)
    if not last then
      return {last = 0, change2 = 0, change1 = 0, gap = 0, gapBefore = 0, since = now, ttl = 0, step = 0, from = NO_PULSE,
        to = now, id = '', mustWrite = true}
    end
    change2, change1, gap, gapBefore, since, ttl, from, to, id = 0, 0, 0, 0, now, 0, 0, 0, ''
  end
  local isAhead = false
  local function past(time)
    time = tonumber(time)
    if time <= now then return time end
    isAhead = true
    return now
  end
  local function usual(time) return math.min(tonumber(time), longestTtl) end
  local pulse = {last = past(last), change2 = past(change2), change1 = past(change1), gap = usual(gap),
    gapBefore = usual(gapBefore), since = past(since), ttl = usual(ttl), step = past(step), from = tonumber(from),
    to = tonumber(to), id = id}
  if pulse.to > now or pulse.from > pulse.to then pulse.from, pulse.to, isAhead = 0, 0, true end
  if math.max(tonumber(last), tonumber(step)) > now + CUT_MS then pulse.from, pulse.to = SET_BACK, now end
  pulse.mustWrite = isAhead
  return pulse
end

local function usualGap(pulse) return math.max(pulse.gap, pulse.gapBefore) end

local function isSilent(pulse, now)
  local usual = usualGap(pulse)
  return usual > 0 and now - pulse.last > math.max(SILENT_MS, SILENT_GAPS * usual)
end

-- Returns whether an outage that began at `began` continues the last one: the devices had no time to send heartbeats
-- between the two.
local function continuesOutage(pulse, began, longestTtl)
  local longest = pulse.from <= SET_BACK and pulse.ttl or longestTtl
  return pulse.to > 0 and began <= pulse.to + math.min(longest, (pulse.to - pulse.from) / LEAST_PART)
end

local function noteOutage(pulse, began, now, longestTtl)
  pulse.isNoted, pulse.mustWrite = true, true
  if not continuesOutage(pulse, began, longestTtl) then
    pulse.from, pulse.to = began, now
    return
  end
  local isUnknown = pulse.from <= SET_BACK
  if now - began < (isUnknown and pulse.ttl or pulse.to - pulse.from) * LEAST_PART then return end
  pulse.from, pulse.to, pulse.isMerged = math.min(pulse.from, began), math.max(pulse.to, now), not isUnknown
end

-- Returns the pulse in `text`, and notes in it an outage that ends now. `caller` is 'beat', 'step' (of a detector) or
-- 'settle' (any other verdict). Only a heartbeat ends silence. The pulse is written by `stampPulse` at the end of the
-- script: at `maxmemory` a server refuses a script's first write if it needs memory, so the writes that may free memory
-- come first. `isStalled`: the detector itself was stopped before this step, so the time without a step is not an
-- outage.
local function computePulse(text, caller, now, longestTtl, isStalled)
  local pulse = parsePulse(text, now, longestTtl)
  local contact, isBeat = math.max(pulse.last, pulse.step), caller == 'beat'
  local silent = isSilent(pulse, now)
  pulse.isSilent, pulse.wasSilent = silent and not isBeat, silent
  pulse.isCut = pulse.step > 0 and now - contact > CUT_MS and contact - pulse.step <= CUT_MS and not isStalled
  if pulse.isCut or silent and isBeat then noteOutage(pulse, silent and pulse.last or contact, now, longestTtl) end
  if caller == 'step' then pulse.step, pulse.mustWrite = now, true end
  return pulse
end

-- Lengthens the usual gap at a change, if the time since `change2` is longer. After a silence the usual gap at most
-- doubles. If silences follow each other (`isMerged`), they may be usual for the fleet, and count in full. After an
-- outage that cut off the detectors too, the usual gap stays.
local function learnGap(pulse, ttl, now)
  local learned, usual = now - pulse.change2, usualGap(pulse)
  if pulse.wasSilent and pulse.gapBefore > 0 and not pulse.isMerged then
    learned = math.min(learned, 2 * math.max(usual, STAMP_MS))
  end
  if now - pulse.since >= 2 * pulse.ttl then
    pulse.gap, pulse.gapBefore, pulse.since, pulse.ttl = 0, pulse.gap, now, math.max(ttl, math.floor(pulse.ttl / 2))
  end
  if not pulse.isCut then pulse.gap = math.max(pulse.gap, learned) end
end

-- Adds a heartbeat of a device with the TTL `ttl` to the pulse.
local function addBeat(pulse, id, ttl, now)
  local isChange = id ~= pulse.id
  local isDue = now - pulse.last >= STAMP_MS or isChange and now - pulse.change2 >= STAMP_MS
  if not (isDue or pulse.isNoted) then return end
  pulse.ttl = math.max(pulse.ttl, ttl)
  if isChange then
    if pulse.change2 > 0 then learnGap(pulse, ttl, now) end
    pulse.change2, pulse.change1, pulse.id = pulse.change1, now, id
  end
  if pulse.isNoted then pulse.change2, pulse.change1 = now, now end
  pulse.last, pulse.mustWrite = now, true
  pulse.wasSilent, pulse.isCut, pulse.isNoted, pulse.isMerged = false, false, false, false
end

-- Adds a heartbeat that another program or the device itself wrote, and that was found when the device was settled.
-- Several heartbeats of one device in succession count once, because they do not show that other devices can send theirs.
local function addSeen(pulse, id, ttl, seenAt, longestTtl)
  if seenAt <= pulse.last or id == pulse.id then return end
  pulse.wasSilent, pulse.isCut, pulse.isNoted, pulse.isMerged = isSilent(pulse, seenAt), false, false, false
  if pulse.wasSilent then noteOutage(pulse, pulse.last, seenAt, longestTtl) end
  addBeat(pulse, id, ttl, seenAt)
end

-- Writes the pulse if it must be. A server at `maxmemory` may refuse the write, and the script must not fail then. On a
-- replica the script must fail, even if no device is due, so that a detector that is connected to one notices it.
local function stampPulse(pulse)
  if not pulse.mustWrite then return end
  local text = string.format('%d %d %d %d %d %d %d %d %d %d %s', pulse.last, pulse.change2, pulse.change1, pulse.gap,
    pulse.gapBefore, pulse.since, pulse.ttl, pulse.step, pulse.from, pulse.to, pulse.id)
  local reply = redis.pcall('SET', pulseKey, text)
  if reply.err and string.find(reply.err, 'READONLY', 1, true) then redis.call('SET', pulseKey, text) end
end

-- Adds heartbeats of devices to the pulse and writes it. Of many heartbeats at one time, those of two devices are
-- enough: `first` (nil: there was none) and `other` (nil: there was only one). A TTL of 0 means that it is not known.
local function stampBeats(pulse, now, first, firstTtl, other, otherTtl)
  if not first then return end
  addBeat(pulse, first, firstTtl, now)
  if other then addBeat(pulse, other, otherTtl, now) end
  stampPulse(pulse)
end
