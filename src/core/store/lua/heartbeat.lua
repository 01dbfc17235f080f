-- heartbeat: the devices are alive now; some bring a report.
-- KEYS   online activity log pulse | state heartbeat history:reported history:presence
-- ARGV   now dialect channel logCap historyCap defaultTtl longestTtl exclusive | id ttl reported expectedVersion expectedText
-- Reply  for each device: {1, was offline, now, deadline, desired version}; {0}: not registered;
--        {2, version, text}: the report to merge into is another one by now; {3, error}.
-- Events online (heartbeat); after an unannounced lapse offline (timeout) before it, but
--        during a hold none.
-- @include base
-- @include record
-- @include history
-- @include announce
-- @include pulse

local now = moment()
probe('SCARD', 'ZCARD', 'XLEN')
local pulse = takePulse(KEYS[4], now, tonumber(ARGV[7]), false)
local defaultTtl = tonumber(ARGV[6])
local exclusive = ARGV[8] == '1'

-- What a beat announces of a device that was not alive, or not said to be.
local function announce(device, alive)
  if isAnnouncedOnline(device) then
    if isHeld(pulse, now) then return end
    lapse(device, scoreOf(KEYS[2], device.id), now)
  end
  arrive(device, alive, now)
end

local readDevice = deviceReader({'registered', 'reported'})

local function beat(keyAt, argAt)
  local id, ttl, reported = ARGV[argAt], ARGV[argAt + 1], ARGV[argAt + 2]
  local device = readDevice(id, KEYS[keyAt])
  if not device then return {0} end
  local state, dialect = device.state, device.dialect
  if ttl == '' then ttl = state[OWN_TTL] > 0 and state[OWN_TTL] or defaultTtl end
  local deadline = now + ttl

  local entry
  if reported ~= '' then
    local stored = text(device.values[EXTRA + 1])
    local version, expectedText = ARGV[argAt + 3], ARGV[argAt + 4]
    if version ~= '' and (version ~= int(state[REPORTED_VERSION]) or expectedText ~= stored) then
      return {2, state[REPORTED_VERSION], stored}
    end
    if reported == stored then
      reported = ''
    else
      entry = documentEntry(KEYS[keyAt + 2], device, now, state[REPORTED_VERSION] + 1, reported, stored, state[REPORTED_AT])
    end
  end

  -- Alive and said to be: with this it beats on. Else the key is set once all else has been read.
  local heartbeatKey, deadlineText = KEYS[keyAt + 1], int(deadline)
  local isAnnounced = isAnnouncedOnline(device)
  local alive = isAnnounced and redis.call('SET', heartbeatKey, '1', 'XX', 'GET', 'PXAT', deadlineText)
  if not alive then
    alive = not isAnnounced and redis.call('GET', heartbeatKey)
    device.history = KEYS[keyAt + 3]
    announce(device, alive)
    redis.call('SET', heartbeatKey, '1', 'PXAT', deadlineText)
  end
  -- In a shared fleet another program's late handler may have taken it out though it is alive.
  if not (exclusive and alive) then redis.call('SADD', KEYS[1], id) end
  redis.call('ZADD', KEYS[2], deadlineText, id)
  log(KEYS[3], device)
  local fields = {dialect.lastSeen, instant(dialect, now), dialect.status, 'online'}
  if reported ~= '' then
    state[REPORTED_VERSION] = state[REPORTED_VERSION] + 1
    state[REPORTED_AT] = now
    fields[5], fields[6] = dialect.reported, reported
  end
  redis.call('HSET', KEYS[keyAt], 'devstate', packState(state), unpack(fields))
  publish(device)
  if entry then remember(KEYS[keyAt + 2], entry) end
  return {1, alive and 0 or 1, now, deadline, state[DESIRED_VERSION]}
end

local replies, anyAlive = {}, false
for i = 0, (#ARGV - 8) / 5 - 1 do
  local done, reply = attempt(beat, 5 + i * 4, 9 + i * 5)
  replies[i + 1] = done and reply or {3, reply}
  anyAlive = anyAlive or replies[i + 1][1] == 1
end
if anyAlive then stampPulse(KEYS[4], pulse, now) end
return replies
