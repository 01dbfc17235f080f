# bash completion for devstate. Generated: see scripts/generate.js.
_devstate() {
  local cur=${COMP_WORDS[COMP_CWORD]} command= option= ended= glued= word i
  local position=0 candidates=()
  COMPREPLY=()

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    # bash splits words at = and :, as in --output=json and redis://host.
    case $word in [:=]*) glued=1; continue ;; esac
    if [[ $glued || $option ]]; then
      glued= option=
    elif [[ $word == -- && ! $ended ]]; then
      ended=1
    elif [[ $word == -?* && ! $ended ]]; then
      case $command,$word in
        *,-u | *,--url | \
        *,--context | \
        *,--ca | \
        *,--cert | \
        *,--key | \
        *,-n | *,--namespace | \
        *,--dialect | \
        *,-o | *,--output | \
        *,--fields | \
        *,--color | \
        *,--request-timeout | \
        *,--role | \
        *,--fleet-partitions | \
        *,--fleet-history | \
        register,--type | \
        register,--meta | \
        register,--ttl | \
        register,-f | register,--file | \
        heartbeat,--report | \
        heartbeat,--ttl | \
        heartbeat,--type | \
        heartbeat,--every | \
        heartbeat,--count | \
        heartbeat,-f | heartbeat,--file | \
        get,--at | \
        list,--status | \
        list,--type | \
        list,--sort | \
        list,--limit | \
        stats,--by | \
        history,--since | \
        history,--until | \
        history,--kind | \
        history,--limit | \
        list-online,--type | \
        list-online,--limit | \
        list-online,--sort | \
        stale,--older-than | \
        stale,--type | \
        watch-presence,--type | \
        watch-presence,--id | \
        watch-presence,--since | \
        watch-presence,--count | \
        watch-presence,--for | \
        detect,--strategy | \
        detect,--interval | \
        detect,--audit | \
        set-desired,--if-version | \
        init,--partitions | \
        init,--writers | \
        init,--hold | \
        init,--history | \
        init,--log-cap | \
        context,--unset | \
        acl,--user | \
        acl,--id | \
        acl,--partitions | \
        acl,--history) option=$word ;;
      esac
    elif [[ $command ]]; then
      position=$((position + 1))
    else
      command=$word
    fi
  done
  case $cur in [:=]*) glued=1 cur= ;; esac
  [[ $glued && ! $option ]] && return

  if [[ $option ]]; then
    case $command,$option in
      *,--dialect) candidates=(node python) ;;
      *,-o | *,--output) candidates=(table wide json ndjson yaml csv name) ;;
      *,--color) candidates=(auto always never) ;;
      *,--role) candidates=(device) ;;
      list,--status) candidates=(online offline never) ;;
      list,--sort) candidates=(id last-seen expires) ;;
      stats,--by) candidates=(type) ;;
      list-online,--sort) candidates=(expires id) ;;
      detect,--strategy) candidates=(deadline poll keyspace) ;;
      init,--writers) candidates=(shared exclusive) ;;
      init,--hold) candidates=(2 1.5 1 0) ;;
      context,--unset) candidates=(namespace dialect readOnly ca cert key insecure role partitions historyCap) ;;
      *,--ca) _devstate_files; return ;;
      *,--cert) _devstate_files; return ;;
      *,--key) _devstate_files; return ;;
      register,-f | register,--file) _devstate_files; return ;;
      heartbeat,-f | heartbeat,--file) _devstate_files; return ;;
    esac
  elif [[ $cur == -* && ! $ended ]]; then
    candidates=(-u --url --context --ca --cert --key --insecure -n --namespace --dialect -o --output --json --fields --no-headers --color -q --quiet -v --verbose --read-only --request-timeout --role --fleet-partitions --fleet-history -h --help -V --version)
    case $command in
      register) candidates+=(--type --meta --ttl --if-new -f --file --csv --fail-fast -y --yes) ;;
      heartbeat) candidates+=(--report --merge --ttl --register --type --every --count -f --file --fail-fast -y --yes) ;;
      get) candidates+=(--at) ;;
      list) candidates+=(--status --type --with-state --sort --limit --fail-if-empty) ;;
      stats) candidates+=(--by --watch) ;;
      history) candidates+=(--since --until --kind --limit --diff --follow) ;;
      unregister) candidates+=(-y --yes) ;;
      list-online) candidates+=(--type --limit --sort --fail-if-empty) ;;
      stale) candidates+=(--older-than --type --no-never --fail-if-empty) ;;
      watch-presence) candidates+=(--type --id --since --count --for --detect --no-hold) ;;
      detect) candidates+=(--strategy --interval --audit --once --no-hold) ;;
      disconnect) candidates+=(-y --yes) ;;
      set-desired) candidates+=(--if-version --replace -y --yes) ;;
      delta) candidates+=(--exit-code) ;;
      init) candidates+=(--partitions --writers --device-logins --no-device-logins --hold --history --log-cap) ;;
      context) candidates+=(--protected --no-protected --unset) ;;
      acl) candidates+=(--user --id --partitions --history) ;;
    esac
  elif [[ ! $command ]]; then
    candidates=(register heartbeat get list stats history unregister list-online stale watch-presence detect disconnect set-desired delta init context acl demo completion)
  else
    case $command,$position in
      context,0) candidates=(list use show set remove) ;;
      acl,0) candidates=(viewer operator device detector) ;;
      completion,0) candidates=(bash zsh fish) ;;
    esac
  fi
  for word in "${candidates[@]}"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

_devstate_files() {
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
}

complete -F _devstate devstate
