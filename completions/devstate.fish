# fish completion for devstate. Generated: see scripts/generate.js.

# Succeeds if the line has the given command; without an argument, if it has no command yet.
function __devstate_at
    set -l command
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word -u --url --context --ca --cert --key -n --namespace --dialect -o --output --fields --color --request-timeout --role --fleet-partitions --fleet-history
            set skip yes
        else if not string match -q -- '-*' $word
            set command $word
            break
        end
    end
    test "$command" = "$argv[1]"
end

complete -c devstate -f
complete -c devstate -s u -l url -x -d 'Redis: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2#master, redis-cluster://h1,h2'
complete -c devstate -l context -x -d 'use this named server (devstate context)'
complete -c devstate -l ca -r -F -d 'TLS: certificate authorities to trust instead of those of Node and of the system (PEM)'
complete -c devstate -l cert -r -F -d 'TLS: client certificate (PEM)'
complete -c devstate -l key -r -F -d 'TLS: private key of --cert (PEM)'
complete -c devstate -l insecure -d 'TLS: do not verify the certificate of the server'
complete -c devstate -s n -l namespace -x -d 'prefix every key and channel with NAME:'
complete -c devstate -l dialect -x -a 'node python' -d 'field names and time units of new records, if the fleet has declared none'
complete -c devstate -s o -l output -x -a 'table wide json ndjson yaml csv name' -d 'output format'
complete -c devstate -l json -d 'same as -o json'
complete -c devstate -l fields -x -d 'print only these fields: a,b.c'
complete -c devstate -l no-headers -d 'omit the header of tables'
complete -c devstate -l color -x -a 'auto always never' -d 'when to use colours; overrides NO_COLOR'
complete -c devstate -s q -l quiet -d 'print no notices, hints or progress'
complete -c devstate -s v -l verbose -d 'print more notices; twice: also stack traces'
complete -c devstate -l read-only -d 'refuse every write'
complete -c devstate -l request-timeout -x -d 'timeout for connecting and for each Redis command (default 5s)'
complete -c devstate -l role -x -a 'device' -d 'device: the user is a device with a login of its own (devstate acl device)'
complete -c devstate -l fleet-partitions -x -d 'with --role device: the partitions of the fleet (default 1)'
complete -c devstate -l fleet-history -x -d 'with --role device: how many reports the history keeps (0: none)'
complete -c devstate -s h -l help -d 'show help'
complete -c devstate -s V -l version -d 'show the version'

complete -c devstate -n __devstate_at -a 'register' -d 'Register a device, or update its type, metadata and TTL'
complete -c devstate -n __devstate_at -a 'heartbeat' -d 'Send a heartbeat for devices, once or until stopped'
complete -c devstate -n __devstate_at -a 'get' -d 'Show the whole state of devices'
complete -c devstate -n __devstate_at -a 'list' -d 'List registered devices'
complete -c devstate -n __devstate_at -a 'stats' -d 'Count devices: registered, online, offline, never seen, and expired but not yet marked offline'
complete -c devstate -n __devstate_at -a 'history' -d 'Show what changed and when: reports, desired states, presence'
complete -c devstate -n __devstate_at -a 'unregister' -d 'Remove devices and all data about them'
complete -c devstate -n __devstate_at -a 'list-online' -d 'List the devices that are online now'
complete -c devstate -n __devstate_at -a 'stale' -d 'List devices that have not been seen for a given time, oldest first'
complete -c devstate -n __devstate_at -a 'watch-presence' -d 'Watch devices go online and offline'
complete -c devstate -n __devstate_at -a 'detect' -d 'Find devices whose heartbeats stopped, and announce them as offline'
complete -c devstate -n __devstate_at -a 'disconnect' -d 'Mark devices offline at once, as when they disconnect themselves'
complete -c devstate -n __devstate_at -a 'set-desired' -d 'Merge into the desired state of a device and notify the device'
complete -c devstate -n __devstate_at -a 'delta' -d 'Compare the desired state of a device with what it reports'
complete -c devstate -n __devstate_at -a 'init' -d 'Declare the layout of the fleet: partitions, dialect, and whether other programs write to it'
complete -c devstate -n __devstate_at -a 'context' -d 'Manage named servers: URL, namespace, dialect, certificates and write protection'
complete -c devstate -n __devstate_at -a 'acl' -d 'Print the command that creates a Redis user for a role, with the least permissions it needs'
complete -c devstate -n __devstate_at -a 'demo' -d 'Show what devstate does, on a server of its own, in a few seconds'
complete -c devstate -n __devstate_at -a 'completion' -d 'Print a completion script for your shell'

complete -c devstate -n '__devstate_at register' -l type -x -d 'device type'
complete -c devstate -n '__devstate_at register' -l meta -x -d 'metadata: KEY=VALUE, {…}, @FILE or -; replaces existing metadata'
complete -c devstate -n '__devstate_at register' -l ttl -x -d 'how long the device stays online after a heartbeat'
complete -c devstate -n '__devstate_at register' -l if-new -d 'fail if the device is registered already'
complete -c devstate -n '__devstate_at register' -s f -l file -r -F -d 'devices as NDJSON, one a line; - is standard input'
complete -c devstate -n '__devstate_at register' -l csv -d 'the file is CSV with the field names in its first line (default for *.csv)'
complete -c devstate -n '__devstate_at register' -l fail-fast -d 'with -f: stop at the first line that fails'
complete -c devstate -n '__devstate_at register' -s y -l yes -d 'do not ask for confirmation'

complete -c devstate -n '__devstate_at heartbeat' -l report -x -d 'reported state: KEY=VALUE, {…}, @FILE or -; replaces the last report'
complete -c devstate -n '__devstate_at heartbeat' -l merge -d 'merge the report into the last one (RFC 7396)'
complete -c devstate -n '__devstate_at heartbeat' -l ttl -x -d 'how long the device stays online after this heartbeat'
complete -c devstate -n '__devstate_at heartbeat' -l register -d 'register unknown devices with the type of --type'
complete -c devstate -n '__devstate_at heartbeat' -l type -x -d 'device type for --register'
complete -c devstate -n '__devstate_at heartbeat' -l every -x -d 'repeat at this interval until stopped'
complete -c devstate -n '__devstate_at heartbeat' -l count -x -d 'with --every: stop after this many'
complete -c devstate -n '__devstate_at heartbeat' -s f -l file -r -F -d 'heartbeats as NDJSON, one a line; - is standard input'
complete -c devstate -n '__devstate_at heartbeat' -l fail-fast -d 'with -f: stop at the first line that fails'
complete -c devstate -n '__devstate_at heartbeat' -s y -l yes -d 'do not ask for confirmation'

complete -c devstate -n '__devstate_at get' -l at -x -d 'the state at a past moment: 2h ago, 2026-11-24T10:00Z, epoch ms'

complete -c devstate -n '__devstate_at list' -l status -x -a 'online offline never' -d 'only devices with this status'
complete -c devstate -n '__devstate_at list' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at list' -l with-state -d 'include reported and desired state and metadata'
complete -c devstate -n '__devstate_at list' -l sort -x -a 'id last-seen expires' -d 'sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first'
complete -c devstate -n '__devstate_at list' -l limit -x -d 'print at most this many'
complete -c devstate -n '__devstate_at list' -l fail-if-empty -d 'exit 4 if the list is empty'

complete -c devstate -n '__devstate_at stats' -l by -x -a 'type' -d 'print one row for each value of this field'
complete -c devstate -n '__devstate_at stats' -l watch -d 'print every two seconds until stopped'

complete -c devstate -n '__devstate_at history' -l since -x -d 'only changes since then: 2h ago, 2026-11-24T10:00Z, epoch ms'
complete -c devstate -n '__devstate_at history' -l until -x -d 'only changes until then'
complete -c devstate -n '__devstate_at history' -l kind -x -d 'only these: reported,desired,presence'
complete -c devstate -n '__devstate_at history' -l limit -x -d 'only this many, the newest'
complete -c devstate -n '__devstate_at history' -l diff -d 'show the changed paths with their old and new values'
complete -c devstate -n '__devstate_at history' -l follow -d 'then print each change when it happens, until stopped'

complete -c devstate -n '__devstate_at unregister' -s y -l yes -d 'do not ask for confirmation'

complete -c devstate -n '__devstate_at list-online' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at list-online' -l limit -x -d 'print at most this many'
complete -c devstate -n '__devstate_at list-online' -l sort -x -a 'expires id' -d 'sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first'
complete -c devstate -n '__devstate_at list-online' -l fail-if-empty -d 'exit 4 if the list is empty'

complete -c devstate -n '__devstate_at stale' -l older-than -x -d 'not seen for at least this long (default 1h)'
complete -c devstate -n '__devstate_at stale' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at stale' -l no-never -d 'leave out devices that were never seen'
complete -c devstate -n '__devstate_at stale' -l fail-if-empty -d 'exit 4 if the list is empty'

complete -c devstate -n '__devstate_at watch-presence' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at watch-presence' -l id -x -d 'only ids that match: * is any text, ? any character'
complete -c devstate -n '__devstate_at watch-presence' -l since -x -d 'replay first: 15m, 2026-11-24T10:00Z, epoch ms, or what follows an event\'s id'
complete -c devstate -n '__devstate_at watch-presence' -l count -x -d 'stop after this many events'
complete -c devstate -n '__devstate_at watch-presence' -l for -x -d 'stop after this time; with --count, exit 4 if there were fewer events'
complete -c devstate -n '__devstate_at watch-presence' -l detect -d 'also run a detector, which finds devices whose heartbeats stop'
complete -c devstate -n '__devstate_at watch-presence' -l no-hold -d 'with --detect: mark devices offline even right after an outage'

complete -c devstate -n '__devstate_at detect' -l strategy -x -a 'deadline poll keyspace' -d 'deadline (default): wait for the next heartbeat to expire; poll: check all online devices at an interval; keyspace: use Redis keyspace events'
complete -c devstate -n '__devstate_at detect' -l interval -x -d 'for --strategy poll: time between checks (default 10s)'
complete -c devstate -n '__devstate_at detect' -l audit -x -d 'time in which every device of the fleet is checked once (default 5m)'
complete -c devstate -n '__devstate_at detect' -l once -d 'check once and exit'
complete -c devstate -n '__devstate_at detect' -l no-hold -d 'mark devices offline even right after an outage'

complete -c devstate -n '__devstate_at disconnect' -s y -l yes -d 'do not ask for confirmation'

complete -c devstate -n '__devstate_at set-desired' -l if-version -x -d 'fail unless the desired state has this version'
complete -c devstate -n '__devstate_at set-desired' -l replace -d 'replace the desired state instead of merging'
complete -c devstate -n '__devstate_at set-desired' -s y -l yes -d 'do not ask for confirmation'

complete -c devstate -n '__devstate_at delta' -l exit-code -d 'exit 4 if they differ'

complete -c devstate -n '__devstate_at init' -l partitions -x -d 'number of partitions of the keys, only while there are no devices; use 64 on a cluster'
complete -c devstate -n '__devstate_at init' -l writers -x -a 'shared exclusive' -d 'exclusive: only devstate writes, so queries use the index, which is rebuilt first'
complete -c devstate -n '__devstate_at init' -l device-logins -d 'devices have logins of their own (acl device): what they write is not trusted'
complete -c devstate -n '__devstate_at init' -l no-device-logins -d 'devices have no logins of their own'
complete -c devstate -n '__devstate_at init' -l hold -x -a '2 1.5 1 0' -d 'how long all devices may be silent before they are marked offline, in TTLs; 0: no hold at all'
complete -c devstate -n '__devstate_at init' -l history -x -d 'entries that the history of a device keeps, 0: none; longer ones are trimmed (default reported=20,desired=100,presence=100)'
complete -c devstate -n '__devstate_at init' -l log-cap -x -d 'presence events that the log of the fleet keeps, 0: none (default 100000)'

complete -c devstate -n '__devstate_at context' -l protected -d 'set: ask before writes to several devices'
complete -c devstate -n '__devstate_at context' -l no-protected -d 'set: do not ask before writes to several devices'
complete -c devstate -n '__devstate_at context' -l unset -x -a 'namespace dialect readOnly ca cert key insecure role partitions historyCap' -d 'set: remove this field'
complete -c devstate -n '__devstate_at context' -a 'list use show set remove'

complete -c devstate -n '__devstate_at acl' -l user -x -d 'the user\'s name (default: the role)'
complete -c devstate -n '__devstate_at acl' -l id -x -d 'device: a device it sends heartbeats for, may be repeated (default: the name of the user)'
complete -c devstate -n '__devstate_at acl' -l partitions -x -d 'device: the partitions of the fleet (default: what it declares)'
complete -c devstate -n '__devstate_at acl' -l history -x -d 'device: how many reports its history keeps (default: what the fleet declares)'
complete -c devstate -n '__devstate_at acl' -a 'viewer operator device detector'

complete -c devstate -n '__devstate_at completion' -a 'bash zsh fish'
