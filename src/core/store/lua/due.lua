-- due: finds, for a detector, the devices whose deadline in the index has passed, and the next deadline.
-- KEYS   activity pulse layout |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes layout longestTtl mode honourHold limit |
--        mode: work (stamps the pulse, may start a hold), look (writes nothing), leave (removes the
--        detector from the pulse, so that a later gap does not count as an outage).
-- Reply  {now, end of the hold, the next deadline, then the ids whose deadline has passed}. The next deadline is 0 if it
--        was not looked up or there is none. During a hold there are no ids, and it is the end of the hold + 1 ms.
-- Events none.
-- @include base
-- @include layout
-- @include hold

local maxCount = tonumber(limit)
local pulse = mode == 'work' and computePulse(now, tonumber(longestTtl), true) or readPulse()
local reply = {now, int(pulse.holdUntil), '0'}

if mode == 'leave' then
  pulse.mustWrite, pulse.detectorAt = pulse.detectorAt > 0, 0
elseif honourHold == '1' and isHeld(pulse, now) then
  reply[3] = int(pulse.holdUntil + 1)
elseif maxCount > 0 then
  local due = redis.call('ZRANGEBYSCORE', activityKey, '(0', '(' .. int(now), 'LIMIT', 0, limit)
  for _, id in ipairs(due) do table.insert(reply, id) end
  if #due < maxCount then
    local nearest = redis.call('ZRANGEBYSCORE', activityKey, int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    reply[3] = nearest[2] or '0'
  end
end
if mode ~= 'look' then
  -- Removes nothing. At `maxmemory` a server refuses to write the pulse as a script's first write, and a pulse that gets
  -- old would be taken for an outage at each step. If this fails, `stampPulse` decides what that means.
  redis.pcall('ZREM', activityKey, '')
  stampPulse(pulse, now)
end
return reply
