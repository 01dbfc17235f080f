-- register: registers devices, or changes the type, metadata or TTL of registered devices. Fields of a device's record
--        that another program wrote are kept; missing fields are added.
-- KEYS   registered types activity layout | state type oldType
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout onlyIfNew anyType | id type oldType metadata ttl
--        anyType: 1: the present type is replaced whatever it is, because it is not UTF-8, so no caller can give it. The
--        device stays in the set of that type. A device whose type another program changed also stays in the set of its
--        type before, until unregister or init removes it there.
-- Reply  {now, then for each device an array}. The array: {1, created, registered at}; {2, type}: the device's type before
--        the call is not `oldType` but this one, so call again with it; {3}: already registered, and `onlyIfNew` is 1;
--        {4, error}.
-- Events none.
-- @include base
-- @include layout
-- @include devices
-- @include record

probeKeys()
local readDevice = makeDeviceReader()
local FIELDS = {'status', 'lastSeen', 'registered', 'reported', 'desired', 'metadata'}
local EMPTY = {status = 'offline', lastSeen = '0', reported = '{}', desired = '{}', metadata = '{}'}

local function readFields(key, dialect)
  local names, found = {}, {}
  for i, field in ipairs(FIELDS) do names[i] = dialect[field] end
  for i, value in ipairs(redis.call('HMGET', key, unpack(names))) do found[FIELDS[i]] = value end
  return found
end

local function register(stateKey, typeKey, oldTypeKey, id, deviceType, oldType, metadata, ttl)
  local device, oversize = readDevice(id, stateKey)
  if oversize then return {4, oversize} end
  if device and onlyIfNew == '1' then return {3} end
  if device and device.type ~= oldType and anyType ~= '1' then return {2, device.type} end
  -- SCARD fails if a key holds another Redis type than a set. It is called before the first write, because Redis does
  -- not undo writes.
  redis.call('SCARD', typeKey)
  redis.call('SCARD', oldTypeKey)

  local dialect = device and device.dialect or DIALECTS[1]
  oversize = oversizeIn(stateKey, dialect, FIELDS)
  if oversize then return {4, oversize} end
  local found = readFields(stateKey, dialect)
  local fields = {dialect.id, id, dialect.type, deviceType}
  local function set(name, value)
    table.insert(fields, dialect[name])
    table.insert(fields, value)
  end
  local registeredAt = device and parseInstant(dialect, textOf(found.registered)) or 0
  if registeredAt == 0 then
    registeredAt = now
    set('registered', formatInstant(dialect, now))
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

  redis.call('SADD', registeredKey, id)
  if device and oldType ~= deviceType then
    redis.call('SREM', oldTypeKey, id)
    if redis.call('EXISTS', oldTypeKey) == 0 then redis.call('SREM', typesKey, oldType) end
  end
  redis.call('SADD', typeKey, id)
  redis.call('SADD', typesKey, deviceType)
  redis.call('ZADD', activityKey, 'NX', '0', id)
  redis.call('HSET', stateKey, unpack(fields))
  return {1, device and 0 or 1, registeredAt}
end

return {now, unpack(eachDevice(register, function(raised) return {4, raised} end))}
