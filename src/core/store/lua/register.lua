-- register: devices are known from now on, or get another type, metadata or TTL. Never
-- wipes: what another program wrote of them stays, what is missing is completed.
-- KEYS   registered types activity | state type oldType
-- ARGV   now dialect channel logCap historyCap onlyIfNew | id type oldType metadata ttl
-- Reply  for each device: {1, created, registered at}; {2, type}: the old type is this one by
--        now, come again; {3}: registered already, and only if new was asked; {4, error}.
-- Events none.
-- @include base
-- @include record

local now = moment()
probe('SCARD', 'SCARD', 'ZCARD')
local readDevice = deviceReader()
local FIELDS = {'status', 'lastSeen', 'registered', 'reported', 'desired', 'metadata'}
local EMPTY = {status = 'offline', lastSeen = '0', reported = '{}', desired = '{}', metadata = '{}'}

local function stored(key, dialect)
  local names, found = {}, {}
  for i, field in ipairs(FIELDS) do names[i] = dialect[field] end
  for i, value in ipairs(redis.call('HMGET', key, unpack(names))) do found[FIELDS[i]] = value end
  return found
end

local function register(keyAt, argAt)
  local stateKey, typeKey, oldTypeKey = KEYS[keyAt], KEYS[keyAt + 1], KEYS[keyAt + 2]
  local id, newType, oldType, metadata, ttl = unpack(ARGV, argAt, argAt + 4)
  local device = readDevice(id, stateKey)
  if device and ARGV[6] == '1' then return {3} end
  if device and device.type ~= oldType then return {2, device.type} end
  redis.call('SCARD', typeKey)
  redis.call('SCARD', oldTypeKey)

  local dialect = device and device.dialect or DIALECTS[1]
  local found = stored(stateKey, dialect)
  local fields = {dialect.id, id, dialect.type, newType}
  local function set(name, value)
    table.insert(fields, dialect[name])
    table.insert(fields, value)
  end
  local registeredAt = device and milliseconds(dialect, text(found.registered)) or 0
  if registeredAt == 0 then
    registeredAt = now
    set('registered', instant(dialect, now))
  end
  if metadata ~= '' then
    found.metadata = metadata
    set('metadata', metadata)
  end
  for name, value in pairs(EMPTY) do
    if not found[name] then set(name, value) end
  end
  if ttl ~= '' then
    local state = device and device.state or unpackState('')
    state[OWN_TTL] = tonumber(ttl)
    table.insert(fields, 'devstate')
    table.insert(fields, packState(state))
  end

  redis.call('SADD', KEYS[1], id)
  if device and oldType ~= newType then
    redis.call('SREM', oldTypeKey, id)
    if redis.call('EXISTS', oldTypeKey) == 0 then redis.call('SREM', KEYS[2], oldType) end
  end
  redis.call('SADD', typeKey, id)
  redis.call('SADD', KEYS[2], newType)
  redis.call('ZADD', KEYS[3], 'NX', '0', id)
  redis.call('HSET', stateKey, unpack(fields))
  return {1, device and 0 or 1, registeredAt}
end

local replies = {}
for i = 0, (#ARGV - 6) / 5 - 1 do
  local done, reply = attempt(register, 4 + i * 3, 7 + i * 5)
  replies[i + 1] = done and reply or {4, reply}
end
return replies
