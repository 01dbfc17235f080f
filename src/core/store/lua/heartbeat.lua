-- heartbeat: notes a heartbeat of each device; a device may send a report with it.
-- KEYS   online activity log pulse layout | state heartbeat history:reported history:presence
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout defaultTtl longestTtl exclusive holdTtls reportedCap presenceCap | id ttl reported digest expectedVersion expectedText
-- Reply  {now, then for each device an array}. The array: {1, was offline, deadline, desired version}; {0}: not
--        registered; {3, error}; {2, version, text}: nothing was done, and the stored report has this version and text.
--        With `expectedVersion`: it is not the expected one. Without: it may be equal by value to the new one, which the
--        caller finds out before it sends the heartbeat again.
-- Events online (heartbeat), if the device was not announced online. If it timed out and that was not announced:
--        offline (timeout) and then online (heartbeat); neither of these two if the device is held.
-- @include base
-- @include layout
-- @include devices
-- @include record
-- @include history
-- @include digest
-- @include announce
-- @include stamp
-- @include pulse
-- @include hold
-- @include equality

probeKeys()
local longest = tonumber(longestTtl)
local pulse = computePulse(readPulse(), 'beat', now, longest)
local callerTtl, isExclusive = tonumber(defaultTtl), exclusive == '1'
local readDevice = makeDeviceReader({'registered', 'reported'})
local first, firstTtl, other, otherTtl

-- Adds the transitions for a heartbeat of a device whose heartbeat key had expired or that was not announced online.
-- Returns true if the device is held: it then stays online, without a transition.
local function addTransitions(device, isAlive)
  if isAnnouncedOnline(device) then
    local score = readScore(device.id)
    if holdEndOf(device, score, pulse, now, longest) then return true end
    addTimeout(device, score, now)
  end
  addOnline(device, isAlive, now)
end

local function heartbeat(stateKey, heartbeatKey, reportedHistoryKey, presenceHistoryKey,
    id, ttl, reported, digest, expectedVersion, expectedText)
  local device, oversize = readDevice(id, stateKey)
  if oversize then return {3, oversize} end
  if not device then return {0} end
  local state, dialect = device.state, device.dialect
  if ttl == '' then ttl = state[OWN_TTL] > 0 and state[OWN_TTL] or callerTtl end
  local deadline = now + ttl

  local entry
  if reported ~= '' then
    local stored = device.reported
    local isUnexpected
    if expectedVersion == '' then
      isUnexpected = reported ~= stored and mayBeEqual(stored, reported)
    elseif expectedVersion ~= 'any' then
      isUnexpected = expectedVersion ~= int(state[REPORTED_VERSION]) or expectedText ~= stored
    end
    if isUnexpected then return {2, state[REPORTED_VERSION], stored} end
    if reported == stored then
      reported = ''
    else
      entry = formatDocumentEntry(reportedHistoryKey, device, now, state[REPORTED_VERSION] + 1, reported, stored,
        state[REPORTED_AT])
    end
  end

  -- If the device is announced online and its heartbeat key exists, SET XX extends the key, and there is no transition.
  -- Otherwise the key is set only after the script's last read: a read may fail, and Redis does not undo writes.
  local deadlineText = int(deadline)
  local isAnnounced, isHeld = isAnnouncedOnline(device), false
  local isAlive = isAnnounced and redis.call('SET', heartbeatKey, '1', 'XX', 'GET', 'PXAT', deadlineText)
  if not isAlive then
    isAlive = not isAnnounced and redis.call('GET', heartbeatKey)
    device.history = presenceHistoryKey
    isHeld = addTransitions(device, isAlive)
    redis.call('SET', heartbeatKey, '1', 'PXAT', deadlineText)
  end
  -- SADD is needed in a shared fleet even for a device that is alive: another program that handled a timeout late may
  -- have removed the device from the set of online devices.
  if not (isExclusive and isAlive) then redis.call('SADD', onlineKey, id) end
  redis.call('ZADD', activityKey, deadlineText, id)
  logEvents(device)
  local fields = {dialect.lastSeen, formatInstant(dialect, now), dialect.status, 'online'}
  if reported ~= '' then
    state[REPORTED_VERSION] = state[REPORTED_VERSION] + 1
    state[REPORTED_AT] = now
    fields[5], fields[6] = dialect.reported, reported
    if digest ~= '' and dialect == DIALECTS[1] then
      fields[7], fields[8] = DIGEST_FIELD, formatDigest(int(state[REPORTED_VERSION]), digest)
    end
  end
  redis.call('HSET', stateKey, 'devstate', packState(state), unpack(fields))
  publishEvents(device, presenceCap)
  if entry then appendEntry(reportedHistoryKey, entry, reportedCap) end
  if not first then first, firstTtl = id, deadline - now
  elseif not other and id ~= first then other, otherTtl = id, deadline - now end
  return {1, (isAlive or isHeld) and 0 or 1, deadline, state[DESIRED_VERSION]}
end

local replies = eachDevice(heartbeat, function(raised) return {3, raised} end)
stampBeats(pulse, now, first, firstTtl, other, otherTtl)
return {now, unpack(replies)}
