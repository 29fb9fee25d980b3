#!/bin/bash

__vfiogate_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__vfiogate_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__vfiogate_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__vfiogate_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_vfiogate() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __vfiogate_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    predict|lint|run|hook|proxy|probe|ready|plan|topology|explain|help)
        # Offer subcommand argument completions
        "_vfiogate_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'predict lint run hook proxy probe ready plan topology explain help' -- "${cur}"))
        ;;
    esac
}

_vfiogate_predict() {
    repeating_flags=()
    non_repeating_flags=(--table --version -h --help)
    repeating_options=()
    non_repeating_options=(--ats --backend --kernel-ats --capability --bus --capability-list --extended-list --host --behaviour --id --format --color)
    __vfiogate_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--ats')
        __vfiogate_add_completions -W 'on'$'\n''off'$'\n''auto'
        return
        ;;
    '--backend')
        __vfiogate_add_completions -W 'iommufd'$'\n''legacy'$'\n''unknown'
        return
        ;;
    '--kernel-ats')
        __vfiogate_add_completions -W 'supported'$'\n''unsupported'$'\n''unknown'
        return
        ;;
    '--capability')
        __vfiogate_add_completions -W 'present'$'\n''absent'$'\n''unknown'
        return
        ;;
    '--bus')
        __vfiogate_add_completions -W 'express'$'\n''conventional'$'\n''unknown'
        return
        ;;
    '--capability-list')
        __vfiogate_add_completions -W 'present'$'\n''absent'$'\n''unknown'
        return
        ;;
    '--extended-list')
        __vfiogate_add_completions -W 'present'$'\n''absent'$'\n''unknown'
        return
        ;;
    '--host')
        __vfiogate_add_completions -W "$(eval 'ls /sys/bus/pci/devices 2> /dev/null')"
        return
        ;;
    '--behaviour')
        __vfiogate_add_completions -W 'v3'$'\n''11.1'$'\n''none'
        return
        ;;
    '--id')
        return
        ;;
    '--format')
        __vfiogate_add_completions -W 'text'$'\n''json'$'\n''markdown'
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac
}

_vfiogate_lint() {
    repeating_flags=()
    non_repeating_flags=(--inherited-fds --no-rehearse --summary --verbose --explain --version -h --help)
    repeating_options=(--follow-root --fd)
    non_repeating_options=(--input --guest --host --root --policy --qemu --rehearse --behaviour --fail-on --on-unknown --format --min-severity --color)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--input')
        __vfiogate_add_completions -W 'shell'$'\n''lines'$'\n''nul'$'\n''qmp'$'\n''xml'$'\n''hmp'$'\n''readconfig'$'\n''proxmox'$'\n''systemd'$'\n''json'$'\n''python'$'\n''yaml'$'\n''toml'$'\n''libvirt-log'
        return
        ;;
    '--follow-root')
        __vfiogate_add_completions -d
        return
        ;;
    '--guest')
        __vfiogate_add_completions -f
        return
        ;;
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--root')
        __vfiogate_add_completions -d
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    '--fd')
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--rehearse')
        __vfiogate_add_completions -f
        return
        ;;
    '--behaviour')
        __vfiogate_add_completions -W 'v3'$'\n''11.1'$'\n''none'
        return
        ;;
    '--fail-on')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--format')
        __vfiogate_add_completions -W 'text'$'\n''oneline'$'\n''json'$'\n''sarif'$'\n''github'$'\n''junit'
        return
        ;;
    '--min-severity')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -f
        return
        ;;
    esac
}

_vfiogate_run() {
    repeating_flags=()
    non_repeating_flags=(--no-rehearse --guard --annotate --dry-run --verbose --version -h --help)
    repeating_options=()
    non_repeating_options=(--host --qemu --fail-on --on-unknown --policy --log --color)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--fail-on')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    '--log')
        __vfiogate_add_completions -f
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -f
        return
        ;;
    esac
}

_vfiogate_hook() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __vfiogate_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    libvirt|kubevirt|install)
        # Offer subcommand argument completions
        "_vfiogate_hook_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'libvirt kubevirt install' -- "${cur}"))
        ;;
    esac
}

_vfiogate_hook_libvirt() {
    repeating_flags=()
    non_repeating_flags=(--rehearse --version -h --help)
    repeating_options=()
    non_repeating_options=(--host --qemu --fail-on --on-unknown --policy)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--fail-on')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    esac
}

_vfiogate_hook_kubevirt() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--host --qemu --fail-on --on-unknown --policy --vmi --domain)
    __vfiogate_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--fail-on')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    '--vmi')
        return
        ;;
    '--domain')
        return
        ;;
    esac
}

_vfiogate_hook_install() {
    repeating_flags=()
    non_repeating_flags=(--rehearse --version -h --help)
    repeating_options=()
    non_repeating_options=(--host --qemu --fail-on --on-unknown --policy --dir)
    __vfiogate_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--fail-on')
        __vfiogate_add_completions -W 'note'$'\n''warning'$'\n''error'
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    '--dir')
        return
        ;;
    esac
}

_vfiogate_proxy() {
    repeating_flags=()
    non_repeating_flags=(--no-rehearse --pin-ats --version -h --help)
    repeating_options=(--allow --allow-uid)
    non_repeating_options=(--listen --qmp --host --policy --on-unknown --profile --log --log-format --mode --clients --emulator)
    __vfiogate_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--listen')
        __vfiogate_add_completions -f
        return
        ;;
    '--qmp')
        __vfiogate_add_completions -f
        return
        ;;
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--policy')
        __vfiogate_add_completions -f
        return
        ;;
    '--on-unknown')
        __vfiogate_add_completions -W 'refuse'$'\n''warn'
        return
        ;;
    '--profile')
        __vfiogate_add_completions -W 'guest-safety'$'\n''untrusted'
        return
        ;;
    '--allow')
        return
        ;;
    '--log')
        __vfiogate_add_completions -f
        return
        ;;
    '--log-format')
        __vfiogate_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--mode')
        __vfiogate_add_completions -W 'enforce'$'\n''observe'
        return
        ;;
    '--clients')
        return
        ;;
    '--allow-uid')
        return
        ;;
    '--emulator')
        __vfiogate_add_completions -f
        return
        ;;
    esac
}

_vfiogate_probe() {
    repeating_flags=()
    non_repeating_flags=(--bind --version -h --help)
    repeating_options=(--diff --definitions)
    non_repeating_options=(--host --root --qemu --record --config --format --color)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--root')
        __vfiogate_add_completions -d
        return
        ;;
    '--diff')
        __vfiogate_add_completions -f
        return
        ;;
    '--definitions')
        __vfiogate_add_completions -f
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--record')
        __vfiogate_add_completions -f
        return
        ;;
    '--config')
        __vfiogate_add_completions -f
        return
        ;;
    '--format')
        __vfiogate_add_completions -W 'text'$'\n''json'$'\n''prometheus'
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -W "$(eval 'ls /sys/bus/pci/devices 2> /dev/null')"
        return
        ;;
    esac
}

_vfiogate_ready() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--host --root --qemu --format --color)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--root')
        __vfiogate_add_completions -d
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    '--format')
        __vfiogate_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -W "$(eval 'ls /sys/bus/pci/devices 2> /dev/null')"
        return
        ;;
    esac
}

_vfiogate_plan() {
    repeating_flags=()
    non_repeating_flags=(--viommu --hugepages --version -h --help)
    repeating_options=()
    non_repeating_options=(--for --memory --host --root --qemu)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--for')
        __vfiogate_add_completions -W 'libvirt'$'\n''qemu'$'\n''proxmox'$'\n''kubevirt'
        return
        ;;
    '--memory')
        return
        ;;
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--root')
        __vfiogate_add_completions -d
        return
        ;;
    '--qemu')
        __vfiogate_add_completions -f
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -W "$(eval 'ls /sys/bus/pci/devices 2> /dev/null')"
        return
        ;;
    esac
}

_vfiogate_topology() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--host --root --format --color)
    __vfiogate_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        __vfiogate_add_completions -f
        return
        ;;
    '--root')
        __vfiogate_add_completions -d
        return
        ;;
    '--format')
        __vfiogate_add_completions -W 'text'$'\n''dot'$'\n''svg'
        return
        ;;
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __vfiogate_add_completions -W "$(eval 'ls /sys/bus/pci/devices 2> /dev/null')"
        return
        ;;
    esac
}

_vfiogate_explain() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--color)
    __vfiogate_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--color')
        __vfiogate_add_completions -W 'auto'$'\n''always'$'\n''never'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __vfiogate_add_completions -W 'malformed-input'$'\n''policy-unknown-rule'$'\n''policy-expired'$'\n''dup-id'$'\n''fd-without-id'$'\n''realized-argument'$'\n''crashing-global'$'\n''sriov-pf-on-vfio'$'\n''ats-on-kernel-unsupported'$'\n''ats-on-no-cap'$'\n''ats-on-no-iommufd'$'\n''ats-on-conventional-bus'$'\n''ats-auto-old-kernel'$'\n''ats-noats-cmdline'$'\n''ats-vsmmu-mismatch'$'\n''ats-required-hidden'$'\n''ats-prop-unsupported-by-qemu'$'\n''ats-known-bad-device'$'\n''iommufd-missing-object'$'\n''iommufd-fd-without-object'$'\n''iommufd-no-cdev'$'\n''iommufd-perm'$'\n''iommufd-p2p'$'\n''iommufd-vf-token'$'\n''mixed-backends'$'\n''group-not-viable'$'\n''group-split-across-vms'$'\n''acs-override'$'\n''not-bound'$'\n''device-in-use'$'\n''device-gone-0xff'$'\n''dup-host-device'$'\n''unexpected-device'$'\n''host-not-ready'$'\n''host-still-uses-device'$'\n''host-display'$'\n''boot-vga-fb'$'\n''option-rom'$'\n''wrong-variant-driver'$'\n''not-endpoint'$'\n''pf-with-vfs'$'\n''vfio-denylisted'$'\n''noiommu-device'$'\n''no-reset'$'\n''device-in-two-definitions'$'\n''rmrr-direct'$'\n''memlock-too-low'$'\n''shared-memory-on-disk'$'\n''memlock-without-bars'$'\n''balloon-with-vfio'$'\n''confidential-legacy-backend'$'\n''vfio-not-migratable'$'\n''phys-bits-exceed-iommu'$'\n''bars-exceed-guest-addresses'$'\n''address-space-too-small'$'\n''grace-without-initiator'$'\n''vtd-aw-bits'$'\n''smmu-oas-exceeds-host'$'\n''ssidsize-exceeds-host'$'\n''hp-bar-window'$'\n''hp-root-bus'$'\n''hp-port-off'$'\n''hp-no-free-port'$'\n''hp-slot-busy'$'\n''hp-fn0-order'$'\n''hp-slot-not-zero'$'\n''hp-nohotplug-driver'$'\n''hp-while-migrating'$'\n''vtd-caching-mode'$'\n''vtd-snoop-control'$'\n''vtd-fsts-needs-iommufd'$'\n''amd-dma-remap'$'\n''viommu-after-device'$'\n''intremap-irqchip'$'\n''smmu-accel-needs-iommufd'$'\n''smmu-accel-spans-host-smmus'$'\n''smmu-accel-emulated-endpoint'$'\n''smmu-auto-needs-coldplug'$'\n''smmu-accel-needs-kvm'$'\n''smmu-accel-needs-acpi'$'\n''smmu-property-needs-accel'$'\n''no-pci-bus'$'\n''global-vfio-override'$'\n''xml-ssidsize-spelling'$'\n''xml-fork-attribute'$'\n''libvirt-refuses'$'\n''no-function-zero'$'\n''xml-not-qemu'$'\n''set-on-json-device'$'\n''second-monitor'$'\n''deletes-a-monitor'$'\n''unlisted-qom-property'$'\n''guest-back-door'$'\n''runs-a-program'$'\n''fd-of-another-client'$'\n''fd-in-use'$'\n''memory-plug-exceeds-limit'$'\n''replaces-a-socket'$'\n''blocking-file'$'\n''outside-profile'$'\n''unknown-command'$'\n''iommufd-wrong-descriptor'$'\n''host-unavailable'$'\n''crashes-qemu'$'\n''launch-fails'$'\n''rehearsal-fails'$'\n''crlf-line-ends'$'\n''unquoted-value'$'\n''realize-fails'
        return
        ;;
    esac
}


_vfiogate_help() {
    case "${#unparsed_words[@]}:${unparsed_words[0]}" in
    1:*) COMPREPLY+=($(compgen -W 'predict lint run hook proxy probe ready plan topology explain' -- "${cur}")) ;;
    2:hook) COMPREPLY+=($(compgen -W 'libvirt kubevirt install' -- "${cur}")) ;;
    esac
}


# Bash breaks words at the colons of a PCI address. They are joined here, and completions are cut to what follows the last colon.
_vfiogate_with_colons() {
    local -a joined=()
    local -i index current=0
    local rest="${COMP_LINE}" last='' word trimmed
    for index in "${!COMP_WORDS[@]}"; do
        word="${COMP_WORDS[index]}"
        trimmed="${rest#"${rest%%[![:space:]]*}"}"
        if [[ "${#joined[@]}" -gt 0 && "${trimmed}" = "${rest}" && ("${word}" = :* || "${last}" = *:) ]]; then
            joined[${#joined[@]} - 1]+="${word}"
        else
            joined+=("${word}")
        fi
        rest="${trimmed#"${word}"}"
        last="${word}"
        if ((index == COMP_CWORD)); then current=$((${#joined[@]} - 1)); fi
    done
    if [[ "${#joined[@]}" -eq "${#COMP_WORDS[@]}" ]]; then
        _vfiogate "${@}"
    else
        local -a COMP_WORDS=("${joined[@]}")
        local -i COMP_CWORD="${current}"
        _vfiogate "${1}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    fi
    # Completions of file names are quoted, which an address must not be.
    if [[ "${COMPREPLY[0]}" = ????*:??:??.? ]]; then compopt +o filenames; fi
    local before="${joined[current]%"${joined[current]##*:}"}"
    if [[ -n "${before}" && "${COMP_WORDBREAKS}" = *:* ]]; then COMPREPLY=("${COMPREPLY[@]#"${before}"}"); fi
}

complete -o filenames -F _vfiogate_with_colons vfiogate
