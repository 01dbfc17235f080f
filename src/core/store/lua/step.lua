-- step: a detector's look at the index: whose deadline has passed, and when the next will.
-- KEYS   activity pulse |
-- ARGV   now dialect channel logCap historyCap longestTtl mode honourHold limit |
--        mode: work (stamps the pulse, may open a hold), look (changes nothing), leave (takes
--        the detector off the pulse, so that a later gap is no outage).
-- Reply  {now, hold until, next deadline or 0, then the ids that are due}; none during a hold.
-- Events none.
-- @include base
-- @include pulse

local now = moment()
local mode, limit = ARGV[7], tonumber(ARGV[9])
local pulse = mode == 'work' and takePulse(KEYS[2], now, tonumber(ARGV[6]), true) or readPulse(KEYS[2])
local reply = {int(now), int(pulse.hold), '0'}

if mode == 'leave' then
  pulse.due, pulse.detector = pulse.detector > 0, 0
elseif ARGV[8] == '1' and isHeld(pulse, now) then
  reply[3] = int(pulse.hold + 1)
elseif limit > 0 then
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], '(0', '(' .. int(now), 'LIMIT', 0, limit)
  for _, id in ipairs(due) do table.insert(reply, id) end
  if #due < limit then
    local nearest = redis.call('ZRANGEBYSCORE', KEYS[1], int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    reply[3] = nearest[2] or '0'
  end
end
if mode ~= 'look' then stampPulse(KEYS[2], pulse, now) end
return reply
