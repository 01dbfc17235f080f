-- The hold: a device whose heartbeats could not arrive, because Redis, the network, or the devices' side of it was away,
-- is not announced offline until it had time to send one again. Each device is judged by its own TTL. The argument
-- `holdTtls` is the fleet's setting: for how many TTLs after the last heartbeat of all a silent fleet is held; 0: nothing is
-- ever held.

-- GAPS_HELD: how many times as long as the outage a device is held at most. MANY_DEVICES: of fewer online devices
-- silence is believed for one TTL only, because it may be that they all stopped.
local GAPS_HELD, MANY_DEVICES = 4, 5

-- Returns how long silence holds a device, in TTLs after the last heartbeat of all.
local function silentTtls(pulse)
  if not pulse.silentTtls then
    local limit = tonumber(holdTtls)
    local isMany = redis.call('ZCOUNT', activityKey, '(0', '+inf') >= MANY_DEVICES
    pulse.silentTtls = isMany and limit or math.min(limit, 1)
  end
  return pulse.silentTtls
end

-- Returns until when (epoch ms) a device whose time ran out at `deadline` is held, or nil if it is not held now.
-- `lastSeen` is its last heartbeat, so its TTL is the time between the two, but never taken for more than the longest.
local function holdEnd(pulse, lastSeen, deadline, now, longestTtl)
  if holdTtls == '0' then return end
  local ttl, outage = math.min(deadline - lastSeen, longestTtl), pulse.to - pulse.from
  if pulse.to > 0 and deadline > pulse.from and lastSeen < pulse.to and outage >= ttl * LEAST_PART then
    local ends = pulse.to + math.min(ttl, GAPS_HELD * outage)
    if now < ends then return ends end
  end
  if not pulse.isSilent then return end
  local isContinued = pulse.from > SET_BACK and continuesOutage(pulse, pulse.last, longestTtl)
  local began = isContinued and pulse.from or pulse.last
  local wasSeenLate = lastSeen > pulse.last + math.max(STAMP_MS, SILENT_GAPS * usualGap(pulse))
  if deadline <= began or wasSeenLate or now - pulse.last < ttl * LEAST_PART then return end
  local ends = pulse.last + silentTtls(pulse) * ttl
  if now < ends then return ends end
end

-- Returns `holdEnd` and the deadline of a device whose heartbeat key is gone. Its time ran out at `score`, its deadline in
-- the index. If the index has none, or an earlier one than the last heartbeat, another program wrote the heartbeat; its
-- TTL is then taken for that of the record, else for 60 s. A heartbeat in the future was sent before the clock was set
-- back, so before the end of the outage that stands for that; else it is taken for one of now.
local function holdEndOf(device, score, pulse, now, longestTtl)
  local lastSeen, deadline = device.lastSeen, score or 0
  if deadline <= lastSeen then
    deadline = lastSeen + math.min(device.state[OWN_TTL] > 0 and device.state[OWN_TTL] or 60000, longestTtl)
  end
  if lastSeen > now then
    local seenAt = pulse.from == SET_BACK and pulse.to - 1 or now
    lastSeen, deadline = seenAt, deadline - (lastSeen - seenAt)
  end
  return holdEnd(pulse, lastSeen, deadline, now, longestTtl), deadline
end
