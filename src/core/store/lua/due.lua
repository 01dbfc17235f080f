-- due: finds, for a detector, the devices whose deadline in the index has passed, and the next deadline.
-- KEYS   activity pulse layout |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout longestTtl mode isStalled after limit |
--        mode: work (stamps the pulse, may note an outage), look (writes nothing), leave (removes the detector from the
--        pulse, so that a later gap does not count as an outage). isStalled: 1: the detector itself was stopped before.
--        after: only deadlines later than this are read.
-- Reply  {now, the next deadline, the last deadline that was read, the last outage, whether it is SET_BACK, then the ids
--        whose deadline has passed}. The next deadline is 0 if it was not looked up or there is none. The last deadline
--        that was read is `now` - 1 if all were read that have passed. The text of the outage changes when the reason for
--        which devices are held changes. SET_BACK: 1 if the last outage is that the clock was set back, else 0. Ids that
--        are too long for any device are not replied; in the mode work they are removed from the index.
-- Events none.
-- @include base
-- @include layout
-- @include stamp
-- @include pulse

-- The most bytes of an id that another program wrote: 1024 characters (model/identifiers.ts).
local MAX_ID_BYTES = 4096

local maxCount, isWork = tonumber(limit), mode == 'work'
local pulse = computePulse(readPulse(), isWork and 'step' or 'settle', now, tonumber(longestTtl), isStalled == '1')
local nextDeadline, reached, ids = '0', after, {}

if mode == 'leave' then
  pulse.mustWrite, pulse.step = pulse.step > 0, 0
elseif maxCount > 0 then
  local due = redis.call('ZRANGEBYSCORE', activityKey, '(' .. after, '(' .. int(now), 'WITHSCORES', 'LIMIT', 0, limit)
  local count = #due / 2
  if count < maxCount then
    local nearest = redis.call('ZRANGEBYSCORE', activityKey, int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    nextDeadline, reached = nearest[2] or '0', int(now - 1)
  else
    -- More devices than were read may have the last deadline. So the devices with that deadline are left for the next
    -- read, unless all devices that were read have it.
    reached = due[#due]
    while count > 1 and due[2] ~= reached and due[2 * count] == reached do count = count - 1 end
    reached = due[2 * count]
  end
  for i = 1, count do
    local id = due[2 * i - 1]
    if #id <= MAX_ID_BYTES then table.insert(ids, id)
    elseif isWork then redis.pcall('ZREM', activityKey, id) end
  end
end
if mode ~= 'look' then
  -- This ZREM removes nothing: at `maxmemory` a server refuses SET as a script's first write, but accepts it after a
  -- ZREM. Without the SET the pulse would get old, and each step would find an outage. If ZREM fails, `stampPulse`
  -- decides whether the script fails.
  redis.pcall('ZREM', activityKey, '')
  stampPulse(pulse)
end
local outage = int(pulse.to) .. (pulse.isSilent and ' silent' or '')
return {now, nextDeadline, reached, outage, pulse.from == SET_BACK and '1' or '0', unpack(ids)}
