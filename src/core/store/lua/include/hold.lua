-- The hold: a device whose heartbeats could not arrive, because Redis or the network was interrupted, is not announced
-- offline until it has had time to send one again. Each device is judged by its own TTL. The argument `holdTtls` is the
-- fleet's setting: how long devices are held while no device sends heartbeats, in TTLs after the last heartbeat of the
-- fleet; 0: no device is ever held.

-- OUTAGES_HELD: after an outage, a device is held for at most this many times the length of the outage. MANY_DEVICES:
-- if fewer devices are online and none sends heartbeats, they are held for at most one TTL: they may all have stopped.
local OUTAGES_HELD, MANY_DEVICES = 4, 5

-- Returns how long a device is held while no device sends heartbeats, in TTLs after the last heartbeat of the fleet.
local function silentTtls(pulse)
  if not pulse.silentTtls then
    local limit = tonumber(holdTtls)
    local isMany = redis.call('ZCOUNT', activityKey, '(0', '+inf') >= MANY_DEVICES
    pulse.silentTtls = isMany and limit or math.min(limit, 1)
  end
  return pulse.silentTtls
end

-- Returns until when (epoch ms) a device whose time ran out at `deadline` is held, or nil if it is not held now.
-- `lastSeen` is its last heartbeat. Its TTL is taken to be the time between the two, at most `longestTtl`.
local function holdEnd(pulse, lastSeen, deadline, now, longestTtl)
  if holdTtls == '0' then return end
  local ttl, outage = math.min(deadline - lastSeen, longestTtl), pulse.to - pulse.from
  if pulse.to > 0 and deadline > pulse.from and lastSeen < pulse.to and outage >= ttl * LEAST_PART then
    local ends = pulse.to + math.min(ttl, OUTAGES_HELD * outage)
    if now < ends then return ends end
  end
  if not pulse.isSilent then return end
  local isContinued = pulse.from > SET_BACK and continuesOutage(pulse, pulse.last, longestTtl)
  local began = isContinued and pulse.from or pulse.last
  local wasSeenInSilence = lastSeen > pulse.last + math.max(STAMP_MS, SILENT_GAPS * usualGap(pulse))
  if deadline <= began or wasSeenInSilence or now - pulse.last < ttl * LEAST_PART then return end
  local ends = pulse.last + silentTtls(pulse) * ttl
  if now < ends then return ends end
end

-- Returns `holdEnd` and the deadline of a device whose heartbeat key is gone. The deadline is `score`, the one in the
-- index. If the index has none, or one that is not later than the last heartbeat, another program wrote the heartbeat.
-- The deadline is then the last heartbeat plus the TTL in the record, or 60 s. A last heartbeat in the future was sent
-- before the clock was set back. If the pulse notes that (SET_BACK), the heartbeat is moved to 1 ms before the end
-- of that outage; else to now. The deadline is moved with it.
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
