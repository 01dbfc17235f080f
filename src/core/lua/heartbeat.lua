-- heartbeat: the devices are alive now; some bring a report.
-- KEYS   online activity log pulse | state heartbeat history:reported history:presence
-- ARGV   now dialect channel logCap historyCap defaultTtl longestTtl | id ttl reported expectedVersion expectedText
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
local nowText = {}
for _, dialect in ipairs(DIALECTS) do nowText[dialect] = instant(dialect, now) end

-- Most beats change nothing but the time: they read and write no more than that needs.
local function glance(key)
  for _, dialect in ipairs(DIALECTS) do
    local values = redis.call('HMGET', key, dialect.id, 'devstate', dialect.status)
    if type(values[1]) == 'string' then return dialect, text(values[2]), values[3] end
  end
end

-- What the beat announces: nothing, if the device was alive and said to be.
local function announce(device, wasOffline)
  if not isAnnouncedOnline(device) then
    transition(device, 'online', now, 'heartbeat')
  elseif not isHeld(pulse, now) then
    transition(device, 'offline', lapsedAt(device, scoreOf(KEYS[2], device.id), now), 'timeout')
    transition(device, 'online', now, 'heartbeat')
  end
end

local readWhole = deviceReader({'reported'})

local function beat(keyAt, argAt)
  local id, ttl, reported = ARGV[argAt], ARGV[argAt + 1], ARGV[argAt + 2]
  local dialect, packed, status = glance(KEYS[keyAt])
  if not dialect then return {0} end
  local desiredVersion, seq, ownTtl = string.match(packed, '^%d+ %d+ (%d+) %d+ (%d+) %d+ (%d+)$')
  if ttl == '' then ttl = ownTtl and ownTtl ~= '0' and ownTtl or defaultTtl end
  local deadline = now + ttl

  local device, stored
  if reported ~= '' then
    device = readWhole(id, KEYS[keyAt])
    stored = text(device.values[EXTRA])
    local version, expectedText = ARGV[argAt + 3], ARGV[argAt + 4]
    if version ~= '' and (version ~= int(device.state[REPORTED_VERSION]) or expectedText ~= stored) then
      return {2, device.state[REPORTED_VERSION], stored}
    end
    if reported == stored then reported = '' end
  end

  local deadlineText = int(deadline)
  local wasOffline = not redis.call('SET', KEYS[keyAt + 1], '1', 'GET', 'PXAT', deadlineText)
  if wasOffline or (seq or 0) % 2 == 0 then
    device = device or readWhole(id, KEYS[keyAt])
    announce(device, wasOffline)
  end
  redis.call('SADD', KEYS[1], id)
  redis.call('ZADD', KEYS[2], deadlineText, id)
  if reported == '' and not (device and device.events) then
    if status == 'online' then
      redis.call('HSET', KEYS[keyAt], dialect.lastSeen, nowText[dialect])
    else
      redis.call('HSET', KEYS[keyAt], dialect.lastSeen, nowText[dialect], dialect.status, 'online')
    end
  else
    log(KEYS[3], device)
    local state = device.state
    local fields = {dialect.lastSeen, nowText[dialect], dialect.status, 'online'}
    if reported ~= '' then
      state[REPORTED_VERSION] = state[REPORTED_VERSION] + 1
      state[REPORTED_AT] = now
      fields[5], fields[6] = dialect.reported, reported
    end
    redis.call('HSET', KEYS[keyAt], 'devstate', packState(state), unpack(fields))
    publish(KEYS[keyAt + 3], device)
    if reported ~= '' then remember(KEYS[keyAt + 2], documentEntry(now, state[REPORTED_VERSION], reported, stored)) end
  end
  return {1, wasOffline and 1 or 0, now, deadline, tonumber(desiredVersion or 0)}
end

local replies, anyAlive = {}, false
for i = 0, (#ARGV - 7) / 5 - 1 do
  local done, reply = pcall(beat, 5 + i * 4, 8 + i * 5)
  replies[i + 1] = done and reply or {3, errorText(reply)}
  anyAlive = anyAlive or replies[i + 1][1] == 1
end
if anyAlive then stampPulse(KEYS[4], pulse, now) end
return replies
