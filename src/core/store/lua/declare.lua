-- declare: writes the layout of the fleet to its settings. Other settings are kept.
-- KEYS   meta |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout version partitions declaredDialect writers deviceLogins hold caps |
--        caps: fields of the settings and their numbers, in pairs: "logCap 1000 reportedCap 20"; may be empty.
-- Reply  {now, 1}
-- Events none.
-- @include base

redis.call('HSET', metaKey, 'version', version, 'partitions', partitions, 'dialect', declaredDialect,
  'writers', writers, 'deviceLogins', deviceLogins, 'hold', hold)
for field, cap in string.gmatch(caps, '(%a+) (%d+)') do redis.call('HSET', metaKey, field, cap) end
return {now, 1}
