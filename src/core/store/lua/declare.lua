-- declare: writes the layout of the fleet to its settings. Other settings are kept.
-- KEYS   meta |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap historyCap maxFieldBytes layout version partitions declaredDialect writers deviceLogins hold |
-- Reply  {now, 1}
-- Events none.
-- @include base

redis.call('HSET', metaKey, 'version', version, 'partitions', partitions, 'dialect', declaredDialect,
  'writers', writers, 'deviceLogins', deviceLogins, 'hold', hold)
return {now, 1}
