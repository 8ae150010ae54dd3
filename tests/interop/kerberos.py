#!/usr/bin/python3
"""The command and the library with Kerberos, against two KDCs and two servers:
Samba's in its domain controller, and MIT's with sessiond.

    kerberos.py [--bin build] [--only NAME] [--list]

--only takes a case or a group ("samba.err"), and may be repeated.  Prints "ok
NAME" or "FAIL NAME: why" for each case and last "N passed, N failed"; the exit
status is 1 when a case failed.

Needs root (the Samba server has namespaces of its own), what the scripts in
tests/peers name, tcpdump, tshark and faketime.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from peers import Command, Failure, Host, MitKdc, SambaDc, Sessiond, wait_for
from run import CTYPES, Capture, HELD, check_rows, chosen, dc_options, expect, names, run_case
from server_clients import expect_in, protocols, server_options

ENCTYPES = {'aes256': 'aes256-cts-hmac-sha1-96', 'aes128': 'aes128-cts-hmac-sha1-96',
            'rc4': 'arcfour-hmac', 'sha384': 'aes256-cts-hmac-sha384-192'}
EXCHANGES = 4  # negotiate, logon, tree and pipe and bind, the call
ACCESS_DENIED, INVALID_LEVEL = 5, 124
SKEW = 3600  # seconds


class AnyCommand(Command):
    """With or without a user and a password."""

    def run(self, host, target, *options, user=None, password=None, env=None, prefix=(),
            timeout=60):
        """prefix: a command that runs it in some other way."""
        named = ['-U', user] if user is not None else []
        secret = {'PASSWD': password} if password is not None else {}
        return host.run([*prefix, self.binary, *options, *named, target],
                        env={**(env or {}), **secret}, timeout=timeout)


# ---- the two places ----------------------------------------------------------------------

class Site:
    """A realm and a server in it, as the command sees them."""

    realm = host = target = spn = directory = None

    def file(self, name):
        return os.path.join(self.directory, name)

    def passwords(self, user):
        raise NotImplementedError

    def conf(self, enctype=None):
        """A krb5.conf; with session keys of one type, where that is the client's choice."""
        raise NotImplementedError

    def service(self, enctype):
        """Options that select the service whose session keys are of this type."""
        raise NotImplementedError

    def serving(self, dialect, signing, cipher):
        """A context in which the server speaks nothing else; gives the target."""
        raise NotImplementedError

    def principal(self, user):
        return '%s@%s' % (user, self.realm)

    def kinit(self, ccache, user, *options, conf=None, cache='FILE:'):
        """A new ccache for the user; its name."""
        path = self.file(ccache)
        if os.path.exists(path):
            os.remove(path)
        command = ['env', 'KRB5_CONFIG=' + (conf or self.conf()), 'kinit', '-c', cache + path]
        with self.host.popen([*command, *options, self.principal(user)],
                             stdin=subprocess.PIPE) as process:
            _, err = process.communicate(self.passwords(user) + '\n', timeout=30)
        if process.returncode != 0:
            raise Failure('kinit: %s' % err.strip())
        return path

    def take_ticket(self, ccache, conf=None):
        """Now the ticket for the server is there too."""
        status, _, err = self.host.run(
            ['env', 'KRB5_CONFIG=' + (conf or self.conf()), 'kvno', '-q', '-c', ccache, self.spn])
        if status != 0:
            raise Failure('kvno: %s' % err.strip())

    def how(self, conf=None, clock=None, env=None, **kwargs):
        """What Command.run takes, from what the cases say."""
        prefix = ['env', 'KRB5_CONFIG=' + (conf or self.conf())]
        if clock is not None:
            prefix += ['faketime', '-f', '%+ds' % clock]
        own = {'KRB5CCNAME': self.file('none'), 'KRB5_CLIENT_KTNAME': self.file('none')}
        return {'prefix': prefix, 'env': {**own, **(env or {})}, **kwargs}


class SambaSite(Site):
    """alice is an administrator there."""

    def __init__(self):
        self.host = SambaDc()
        self.host.start()
        self.directory = self.host.directory
        self.realm = self.host.env['REALM']
        self.target = self.host.host
        self.spn = 'cifs/' + self.target
        self.plain()

    def stop(self):
        self.host.stop()

    def plain(self):
        self.host.configure('server signing = mandatory')

    def passwords(self, user):
        return self.host.password(user)

    def conf(self, enctype=None):
        return self.file('krb5-%s.conf' % enctype if enctype else 'krb5.conf')

    def service(self, enctype):
        return ()

    @contextlib.contextmanager
    def serving(self, dialect, signing, cipher):
        self.host.configure(*dc_options(dialect, signing, cipher))
        yield self.target
        self.plain()

    def user_seen(self, user):
        return '%s\\%s' % (self.host.env['DOMAIN'], user)


class MitSite(Site):
    """sessiond knows alice of the realm as an administrator."""

    realm = 'NET.TEST'
    users = {realm + r'\alice': ('never-used-here', 'admin'), 'alice': ('of-ntlm', 'admin')}

    def __init__(self, build):
        self.build = build
        self.host = Host()
        self.directory = tempfile.mkdtemp(prefix='mit-kdc-')
        self.kdc = MitKdc(self.directory)
        self.kdc.__enter__()
        self.spn = 'cifs/localhost'
        self.standing = self.server()
        self.standing.__enter__()
        self.target = 'localhost:%d' % self.standing.port

    def stop(self):
        try:
            self.standing.__exit__(None)
        finally:
            self.kdc.__exit__()
            shutil.rmtree(self.directory)

    def server(self, *options, keytab='server.keytab', users=None):
        return Sessiond(self.build, '--keytab', self.file(keytab), *options,
                        users=self.users if users is None else users, env=self.kdc.env)

    def passwords(self, user):
        return self.kdc.values[user.upper() + '_PASSWORD']

    def conf(self, enctype=None):
        return self.file('krb5.conf')

    def service(self, enctype):
        name = 'fs1' if enctype == 'aes256' else enctype
        return ('--target-name', 'cifs/%s.net.test' % name)

    @contextlib.contextmanager
    def serving(self, dialect, signing, cipher):
        with self.server(*server_options(dialect, signing, cipher)) as server:
            yield 'localhost:%d' % server.port

    def user_seen(self, user):
        return user


class Lab:
    """What the cases share; each place begins when it is first needed."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.command = AnyCommand(os.path.join(build, 'netsession'))
        self.sites = {}

    def site(self, name):
        if name not in self.sites:
            self.sites[name] = SambaSite() if name == 'samba' else MitSite(self.build)
        return self.sites[name]

    def stop(self):
        for site in self.sites.values():
            site.stop()

    def ask(self, site, *options, target=None, **kwargs):
        """An answer, and what -v says beside it."""
        status, out, err = self.command.run(
            site.host, target or site.target, '-v', '--json', *options, **site.how(**kwargs))
        if status != 0:
            raise Failure('exit %d: %.400s' % (status, (out + err).strip()))
        return json.loads(out), err

    def error(self, site, *options, target=None, **kwargs):
        """An error, which must be one of Kerberos unless the case says more."""
        return self.command.error(site.host, target or site.target, *options,
                                  **site.how(**kwargs))


def expect_said(said, mech, *words):
    """The second line of -v names the mechanism and why."""
    for word in ('%s: ' % mech, *words):
        expect_in('-v', said, word)


def expect_error(error, code, win32, *words):
    expect('code of %s' % json.dumps(error), error['code'], code)
    expect('value of %s' % json.dumps(error), error['value'], win32)
    for word in words:
        expect_in('message', error['message'].lower(), word.lower())


def case_at(name, function, *arguments):
    """A case that is told where it happens."""
    return lambda lab: function(lab, lab.site(name), *arguments)


# ---- where the ticket comes from ------------------------------------------------------------

def check_kerberos(lab, site, *options, **kwargs):
    answer, said = lab.ask(site, '--level', '1', *options, **kwargs)
    expect('auth', answer['auth'], 'Kerberos')
    expect_said(said, 'Kerberos', 'ticket of alice@%s for %s@%s' % (
        site.realm, site.spn, site.realm))
    return answer


def from_ccache(lab, site):
    """By each of its names, and with nothing said but where it is."""
    ccache = site.kinit('cc', 'alice')
    for options in (), ('-k',), ('--use-kerberos=required',), ('--use-kerberos=desired',):
        check_kerberos(lab, site, *options, env={'KRB5CCNAME': ccache})
    for option in '--ccache', '--use-krb5-ccache':
        check_kerberos(lab, site, option, 'FILE:' + ccache)
    check_kerberos(lab, site, '--ccache', ccache, user='alice')
    check_kerberos(lab, site, user=site.principal('alice'), env={'KRB5CCNAME': ccache})


def from_default_ccache(lab, site):
    """krb5.conf's, without KRB5CCNAME."""
    site.kinit('ccache', 'alice')
    status, out, err = site.host.run(
        ['env', '-u', 'KRB5CCNAME', 'KRB5_CONFIG=' + site.conf(), lab.command.binary, '--json',
         site.target])
    os.remove(site.file('ccache'))
    expect('exit status, with %.300s' % err, status, 0)
    expect('auth', json.loads(out)['auth'], 'Kerberos')


def from_keytab(lab, site):
    for user in (site.principal('alice'), 'alice', None):
        for options in (), ('-k',):
            check_kerberos(lab, site, '--keytab', site.file('alice.keytab'), *options, user=user)


def from_client_keytab(lab, site):
    """The machine's for it, and no ticket."""
    check_kerberos(lab, site, '-k', env={'KRB5_CLIENT_KTNAME': site.file('alice.keytab')})


def from_password(lab, site):
    """No cache is left behind."""
    for options in (), ('-k',), ('--use-kerberos=desired',):
        for user in site.principal('alice'), 'alice':
            check_kerberos(lab, site, *options, user=user, password=site.passwords('alice'))
    expect('files', os.path.exists(site.file('none')), False)


def from_realm(lab, site):
    """Every way to write the user's realm."""
    for user in '%s\\alice' % site.realm, '%s\\alice' % site.realm.split('.', maxsplit=1)[0], \
            'alice@' + site.realm.lower():
        check_kerberos(lab, site, user=user, password=site.passwords('alice'))
    with open(site.file('authfile'), 'w', encoding='utf-8', opener=lambda path, flags: os.open(
            path, flags, 0o600)) as file:
        file.write('username = alice\ndomain = %s\npassword = %s\n' % (
            site.realm, site.passwords('alice')))
    check_kerberos(lab, site, '-A', site.file('authfile'))


def ticket_before_environment(lab, site):
    """USER and PASSWD in the environment are NTLM's, and a ticket goes first."""
    ccache = site.kinit('cc', 'alice')
    env = {'USER': 'nobody', 'PASSWD': 'wrong', 'KRB5CCNAME': ccache}
    check_kerberos(lab, site, env=env)


def another_user(lab, site):
    """A ticket of alice does not make her bob."""
    ccache = site.kinit('cc', 'alice')
    error = lab.error(site, '--ccache', ccache, user='bob')
    expect_error(error, 'KRB5_CC_NOTFOUND', 1312, 'bob')


def ticket_is_kept(lab, site):
    """The ticket for the server is put beside the user's: the next time no KDC is
    needed."""
    ccache = site.kinit('cc', 'alice')
    check_kerberos(lab, site, env={'KRB5CCNAME': ccache})
    check_kerberos(lab, site, conf=unreachable_conf(site), env={'KRB5CCNAME': ccache})


def several_servers(lab, site):
    """One ticket, or one password, for all that are asked."""
    ccache = site.kinit('cc', 'alice')
    for kwargs in ({'env': {'KRB5CCNAME': ccache}},
                   {'user': site.principal('alice'), 'password': site.passwords('alice')}):
        status, out, err = lab.command.run(site.host, site.target, '--json', site.target,
                                           '127.0.0.1:4', site.target, **site.how(**kwargs))
        expect('exit status, with %.300s' % err, status, 1)
        expect('mechanisms', [json.loads(line).get('auth') for line in out.splitlines()],
               ['Kerberos', None, 'Kerberos', 'Kerberos'])


def target_name(lab, site):
    """The server by an address that has no ticket, its principal said."""
    ccache = site.kinit('cc', 'alice')
    address = re.sub('^[^:]*', '127.0.0.1', site.target)
    for name in site.spn, '%s@%s' % (site.spn, site.realm):
        check_kerberos(lab, site, '--target-name', name, target=address,
                       env={'KRB5CCNAME': ccache})
    error = lab.error(site, '-k', target=address, env={'KRB5CCNAME': ccache})
    expect_in('message', error['message'], 'cifs/127.0.0.1')


def collection(lab, site):
    """-U selects among the tickets of several users."""
    collection = site.file('collection')
    os.makedirs(collection, exist_ok=True)
    for user in 'alice', 'bob':
        site.kinit('collection/tkt-' + user, user, cache='DIR::')
    for user, who in (('alice', 'alice'), ('BOB', 'bob'), (site.principal('bob'), 'bob')):
        _, _, err = lab.command.run(site.host, site.target, '-v', '--level', '0', **site.how(
            user=user, env={'KRB5CCNAME': 'DIR:' + collection}))
        expect_said(err, 'Kerberos', 'ticket of %s@%s' % (who, site.realm))


def unmapped_host(lab, site):
    """krb5.conf does not say whose the host is: the user's KDC is asked."""
    conf = change_conf(site, 'unmapped.conf', r'^\[domain_realm\]$', '[unused]')
    for options in (), ('-k',):
        check_kerberos(lab, site, *options, conf=conf, user=site.principal('alice'),
                       password=site.passwords('alice'))
    check_kerberos(lab, site, conf=conf, env={'KRB5CCNAME': site.kinit('cc', 'alice')})


def source_cases(name):
    for what, function in (
            ('ccache', from_ccache), ('default-ccache', from_default_ccache),
            ('keytab', from_keytab), ('client-keytab', from_client_keytab),
            ('password', from_password), ('realm', from_realm),
            ('before-environment', ticket_before_environment), ('another-user', another_user),
            ('kept', ticket_is_kept), ('target-name', target_name),
            ('several-servers', several_servers), ('collection', collection),
            ('unmapped-host', unmapped_host)):
        yield '%s.from.%s' % (name, what), case_at(name, function)


# ---- every dialect, signing algorithm, cipher and key -------------------------------------------

def check_protocol(answer, dialect, signing, cipher):
    expect('dialect', answer['dialect'], dialect)
    expect('cipher', answer['cipher'], cipher)
    expect('auth', answer['auth'], 'Kerberos')
    if not cipher:
        expect('signing', answer['signing'], signing)


def protocol_matrix(lab, site, enctype, protocol):
    """Wrong keys would be found by either end, which verify everything."""
    conf = site.conf(enctype)
    ccache = site.kinit('cc-' + enctype, 'alice', conf=conf)
    encrypt = ('--encrypt',) if protocol[2] else ()
    with site.serving(*protocol) as target:
        for level in '0', '1':
            answer, said = lab.ask(site, '--level', level, *site.service(enctype), *encrypt,
                                   target=target, conf=conf, env={'KRB5CCNAME': ccache})
            check_protocol(answer, *protocol)
            expect_said(said, 'Kerberos', ENCTYPES[enctype])


def key_source(lab, site, enctype, source):
    """By keytab or password, the KDC is asked for the first ticket with this type too."""
    kwargs = {'user': site.principal('alice'), 'conf': site.conf(enctype)}
    options = list(site.service(enctype))
    if source == 'keytab':
        options += ['--keytab', site.file('alice.keytab')]
    else:
        kwargs['password'] = site.passwords('alice')
    answer, said = lab.ask(site, *options, **kwargs)
    expect('auth', answer['auth'], 'Kerberos')
    expect_said(said, 'Kerberos', ENCTYPES[enctype])


def protocol_cases(name, enctypes):
    for enctype in enctypes:
        for protocol, *what in protocols():
            yield '%s.%s.%s' % (name, enctype, protocol), case_at(
                name, protocol_matrix, enctype, what)
        for source in 'keytab', 'password':
            yield '%s.%s.%s' % (name, enctype, source), case_at(
                name, key_source, enctype, source)


# ---- which mechanism ---------------------------------------------------------------------------

def check_ntlm(lab, site, *options, words=(), **kwargs):
    answer, said = lab.ask(site, *options, **kwargs)
    expect('auth', answer['auth'], 'NTLM')
    if words:
        expect_said(said, 'NTLM', *words)
    return answer


def ntlm_user(site):
    """Who is known to the server without a KDC."""
    if site.realm == MitSite.realm:
        return {'user': 'alice', 'password': MitSite.users['alice'][0]}
    return {'user': 'alice', 'password': site.passwords('alice')}


def choice_off(lab, site):
    ccache = site.kinit('cc', 'alice')
    check_ntlm(lab, site, '--use-kerberos=off', env={'KRB5CCNAME': ccache}, **ntlm_user(site))


def choice_no_kdc(lab, site):
    """Nobody there to ask: NTLM, unless Kerberos is required."""
    user = dict(ntlm_user(site), conf=unreachable_conf(site))
    check_ntlm(lab, site, words=('KDC',), **user)
    check_ntlm(lab, site, '--use-kerberos=desired', words=('KDC',), **user)
    expect_in('message', lab.error(site, '-k', **user)['message'], 'KDC')


def choice_address(lab, site):
    """An address has no principal: NTLM, and -v says so."""
    address = re.sub('^[^:]*', '127.0.0.1', site.target)
    check_ntlm(lab, site, target=address, **ntlm_user(site))
    error = lab.error(site, '-k', target=address, **ntlm_user(site))
    expect('layer of %s' % json.dumps(error), error['layer'], 'kerberos')


def choice_refused(lab, site):
    """A KDC that refuses has spoken; only "desired" goes on to NTLM."""
    user = {'user': 'alice', 'password': 'wrong'}
    for mode in (), ('-k',):
        error = lab.error(site, *mode, **user)
        expect_error(error, 'KDC_ERR_PREAUTH_FAILED', 1326, 'alice')
    error = lab.error(site, '--use-kerberos=desired', **user)
    expect('code of %s' % json.dumps(error), error['code'], 'STATUS_LOGON_FAILURE')


def choice_cases(name):
    for what, function in (('off', choice_off), ('no-kdc', choice_no_kdc),
                           ('address', choice_address), ('refused', choice_refused)):
        yield '%s.choice.%s' % (name, what), case_at(name, function)


# ---- errors ---------------------------------------------------------------------------------

def change_conf(site, name, old, new):
    """A krb5.conf that differs in one thing; its path."""
    with open(site.conf(), encoding='utf-8') as file:
        text, count = re.subn(old, new, file.read(), flags=re.MULTILINE)
    expect('changes to krb5.conf', count, 1)
    with open(site.file(name), 'w', encoding='utf-8') as file:
        file.write(text)
    return site.file(name)


def unreachable_conf(site):
    return change_conf(site, 'closed.conf', r'^ *kdc = .*$', 'kdc = 127.0.0.1:4')


def no_ticket(lab, site):
    for options in ('-k',), ('--ccache', site.file('none')):
        expect_error(lab.error(site, *options), 'KRB5_FCC_NOFILE', 1312, site.file('none'),
                     'kinit')


def no_user_no_ticket(lab, site):
    """Neither a ticket nor anybody to be: it does not even try."""
    status, out, err = lab.command.run(site.host, site.target, **site.how())
    expect('exit status and output', (status, out), (1, ''))
    expect_in('stderr', err, 'no ticket')


def no_cache_format(lab, site):
    path = site.file('broken')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('no cache')
    error = lab.error(site, '--ccache', path)
    expect('layer of %s' % json.dumps(error), error['layer'], 'kerberos')
    expect_in('message', error['message'], path)


def expired_ccache(site):
    """To libkrb5 a ticket is good in the second in which it ends."""
    ccache = site.kinit('short', 'alice', '-l', '1s')
    end = time.time() + 1
    wait_for('the end of the ticket', lambda: int(time.time()) > end)
    return ccache


def expired_ticket(lab, site):
    ccache = expired_ccache(site)
    for options in ('-k',), ('--ccache', ccache):
        error = lab.error(site, *options, env={'KRB5CCNAME': ccache})
        expect_error(error, 'KRB_AP_ERR_TKT_EXPIRED', 1326, 'expired', 'kinit')


def expired_ticket_and_password(lab, site):
    """What is there no longer is not in the way of a password."""
    ccache = expired_ccache(site)
    check_kerberos(lab, site, user=site.principal('alice'), password=site.passwords('alice'),
                   env={'KRB5CCNAME': ccache})


def expect_skew(error):
    expect_error(error, 'KRB_AP_ERR_SKEW', 1398, 'clock')
    found = re.search(r"this machine's clock is (\d+) s ahead", error['message'])
    if not found or abs(int(found.group(1)) - SKEW) > 30:
        raise Failure('not by how much: %s' % error['message'])


def skew_of_kdc(lab, site):
    """A clock gone wrong since kinit."""
    ccache = site.kinit('cc', 'alice')
    expect_skew(lab.error(site, '-k', clock=SKEW, env={'KRB5CCNAME': ccache}))


def skew_of_server(lab, site):
    """The ticket for the server was there already, so it is the server that looks."""
    ccache = site.kinit('cc', 'alice')
    site.take_ticket(ccache)
    expect_skew(lab.error(site, '-k', clock=SKEW, env={'KRB5CCNAME': ccache}))


def skew_is_made_up_for(lab, site):
    """With a password or a keytab, libkrb5 learns the KDC's time."""
    check_kerberos(lab, site, clock=SKEW, user=site.principal('alice'),
                   password=site.passwords('alice'))
    check_kerberos(lab, site, '--keytab', site.file('alice.keytab'), clock=-SKEW)


def unknown_spn(lab, site):
    ccache = site.kinit('cc', 'alice')
    spn = 'cifs/nosuch.' + site.realm.lower()
    error = lab.error(site, '-k', '--target-name', spn, env={'KRB5CCNAME': ccache})
    expect_error(error, 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 1396, spn, 'target name')


def no_kdc(lab, site):
    """By password, and by a ticket that needs another."""
    conf, ccache = unreachable_conf(site), site.kinit('cc', 'alice')
    for kwargs in ({'user': site.principal('alice'), 'password': site.passwords('alice')},
                   {'env': {'KRB5CCNAME': ccache}}):
        expect_error(lab.error(site, '-k', conf=conf, **kwargs), 'KRB5_KDC_UNREACH', 1311,
                     site.realm)


def unknown_realm(lab, site):
    error = lab.error(site, '-k', user='alice@NOSUCH.TEST', password='any')
    expect_error(error, 'KRB5_REALM_UNKNOWN', 1311, 'NOSUCH.TEST')


def logon_refused(lab, site, user, password, code, win32, *words):
    error = lab.error(site, '-k', user=site.principal(user),
                      password=password or site.passwords(user))
    expect_error(error, code, win32, user, *words)


def wrong_key_of_user(lab, site):
    """A keytab without the user's key, and none at all."""
    error = lab.error(site, '--keytab', site.file('alice.keytab'), user=site.principal('bob'))
    expect_error(error, 'KRB5_KT_NOTFOUND', 1312, 'bob', 'klist -k')
    error = lab.error(site, '--keytab', site.file('none'), user=site.principal('alice'))
    expect_in('message', error['message'], site.file('none'))
    expect('value of %s' % json.dumps(error), error['value'], 1312)


def no_common_enctype(lab, site):
    conf = change_conf(site, 'camellia.conf', r'^\[libdefaults\]$',
                       '[libdefaults]\n    default_tkt_enctypes = camellia256-cts-cmac')
    error = lab.error(site, '-k', conf=conf, user=site.principal('alice'),
                      password=site.passwords('alice'))
    expect_error(error, 'KDC_ERR_ETYPE_NOSUPP', 50)


def error_cases(name):
    for what, function, *arguments in (
            ('no-ticket', no_ticket), ('no-user', no_user_no_ticket),
            ('cache-format', no_cache_format), ('expired-ticket', expired_ticket),
            ('expired-ticket-and-password', expired_ticket_and_password),
            ('skew-kdc', skew_of_kdc), ('skew-server', skew_of_server),
            ('skew-password', skew_is_made_up_for), ('unknown-spn', unknown_spn),
            ('no-kdc', no_kdc), ('unknown-realm', unknown_realm),
            ('password', logon_refused, 'alice', 'wrong', 'KDC_ERR_PREAUTH_FAILED', 1326,
             'password'),
            ('unknown-user', logon_refused, 'nosuch', 'any', 'KDC_ERR_C_PRINCIPAL_UNKNOWN',
             1326),
            ('disabled', logon_refused, 'disabled', None, 'KDC_ERR_CLIENT_REVOKED', 1331,
             'disabled'),
            ('expired', logon_refused, 'expired', None, 'KDC_ERR_KEY_EXPIRED', 1330,
             'password', 'expired'),
            ('keytab', wrong_key_of_user), ('enctype', no_common_enctype)):
        yield '%s.err.%s' % (name, what), case_at(name, function, *arguments)


# ---- Samba alone ------------------------------------------------------------------------------

def exchanges(dialect, source):
    """All of the connection to the server; what the KDC is asked is not on it."""
    def case(lab):
        site = lab.site('samba')
        kwargs = {'user': site.principal('alice'), 'password': site.passwords('alice')}
        if source == 'ccache':
            kwargs = {'env': {'KRB5CCNAME': site.kinit('cc', 'alice')}}
        site.host.configure(*dc_options(dialect))
        with Capture(site.host) as capture:
            _, said = lab.ask(site, '--level', '1', **kwargs)
        site.plain()
        expect('exchanges up to the answer', capture.exchanges(), [EXCHANGES])
        expect_in('-v', said, 'exchanges %d' % (EXCHANGES - 1))  # before the call
    return case


def ntlm_disabled(lab):
    """A server that takes Kerberos only."""
    site = lab.site('samba')
    ccache = site.kinit('cc', 'alice')
    site.host.configure('ntlm auth = disabled', 'server signing = mandatory')
    password = {'user': 'alice', 'password': site.passwords('alice')}
    check_kerberos(lab, site, env={'KRB5CCNAME': ccache})
    check_kerberos(lab, site, **password)
    check_kerberos(lab, site, '--use-kerberos=desired', **password)
    error = lab.error(site, '--use-kerberos=off', **password)
    site.plain()
    expect('code of %s' % json.dumps(error), error['code'], 'STATUS_NTLM_BLOCKED')
    for word in 'NTLM', 'Kerberos':
        expect_in('message', error['message'], word)


def ask_until(lab, site, count, *options, **kwargs):
    """An answer with so many rows: the session of whoever asked before may stay
    listed for a moment after its connection is closed."""
    def asked():
        answer, _ = lab.ask(site, *options, **kwargs)
        return answer if len(answer['sessions']) == count else None
    return wait_for('%d rows' % count, asked)


def same_rows(lab):
    """Both mechanisms are shown the same sessions, whoever else is there."""
    site = lab.site('samba')
    ccache = site.kinit('cc', 'alice')
    users = [site.user_seen(user) for user in HELD + ('alice',)]
    with site.host.sessions(HELD):
        for level in 0, 1:
            options = ('--level', str(level))
            ntlm = ask_until(lab, site, len(users), *options, '--use-kerberos=off',
                             **ntlm_user(site))
            kerberos = ask_until(lab, site, len(users), *options, env={'KRB5CCNAME': ccache})
            expect('auth', (ntlm['auth'], kerberos['auth']), ('NTLM', 'Kerberos'))
            check_rows(kerberos, level, users)
            expect('sessions', names(kerberos['sessions']), names(ntlm['sessions']))


def plain_user(lab):
    """Who may not ask is told the same as over NTLM."""
    site = lab.site('samba')
    ccache = site.kinit('cc', 'bob')
    error = lab.error(site, '--level', '1', env={'KRB5CCNAME': ccache})
    expect_error(error, 'ERROR_ACCESS_DENIED', ACCESS_DENIED)


def other_letters(lab):
    """Names that are not ASCII are UTF-8 in Kerberos too."""
    site = lab.site('samba')
    error = lab.error(site, '-k', '--level', '1', user=site.principal('jürgen'),
                      password=site.passwords('jürgen'))
    expect_error(error, 'ERROR_ACCESS_DENIED', ACCESS_DENIED)


# Run where the DC's database is.
MANY_GROUPS = """
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load_default()
db = SamDB(session_info=system_session(), lp=lp)
db.transaction_start()
db.newuser('many', '%s')
for i in range(1000):
    db.newgroup('group%%d' %% i)
    db.add_remove_group_members('group%%d' %% i, ['many'])
db.add_remove_group_members('Administrators', ['many'])
db.transaction_commit()
"""


def many_groups(lab):
    """A ticket that takes TCP to the KDC and is far larger than others."""
    site = lab.site('samba')
    status, _, err = site.host.run(
        ['/usr/bin/python3', '-c', MANY_GROUPS % site.passwords('many')])
    expect('exit status, with %s' % err[-300:], status, 0)
    ccache = site.kinit('cc', 'many')
    for kwargs in ({'env': {'KRB5CCNAME': ccache}},
                   {'user': site.principal('many'), 'password': site.passwords('many')}):
        answer, said = lab.ask(site, **kwargs)
        expect('auth', answer['auth'], 'Kerberos')
        expect_in('-v', said, 'ticket of many@')


def other_key(lab):
    """A ticket for a service that is another account's."""
    site = lab.site('samba')
    ccache = site.kinit('cc', 'alice')
    error = lab.error(site, '-k', '--target-name', 'cifs/other.lab.test',
                      env={'KRB5CCNAME': ccache})
    expect_error(error, 'STATUS_LOGON_FAILURE', 1326, 'key may have changed', 'target name')


def other_names(lab):
    """The same server by what else it is called."""
    site = lab.site('samba')
    ccache = site.kinit('cc', 'alice')
    for target in 'dc1', 'DC1.Lab.Test':
        answer, said = lab.ask(site, '-k', target=target, env={'KRB5CCNAME': ccache})
        expect('auth', answer['auth'], 'Kerberos')
        expect_in('-v', said, 'for cifs/%s@%s' % (target, site.realm))


def facade(lab, site, level, *options, **kwargs):
    """NetSessionEnum with ctypes; the environment and options say as whom."""
    how = site.how(**kwargs)
    status, out, err = site.host.run(
        [*how['prefix'], CTYPES, '--lib', os.path.join(lab.build, 'libnetsession.so'),
         site.target, str(level), *options], env=how['env'])
    if status != 0:
        raise Failure('exit %d: %s' % (status, err.strip()[-300:]))
    return json.loads(out)


def check_facade(lab, site, *options, **kwargs):
    answer = facade(lab, site, 1, *options, **kwargs)
    expect('status', answer['status'], 0)
    expect_in('users', [row['username'].lower() for row in answer['sessions']],
              site.user_seen('alice').lower())


def facade_samba(lab):
    """Where NTLM would be refused: a ticket, and NetUseAdd with a password."""
    site = lab.site('samba')
    ccache, password = site.kinit('cc', 'alice'), {'PASSWORD': site.passwords('alice')}
    site.host.configure('ntlm auth = disabled', 'server signing = mandatory')
    check_facade(lab, site, env={'KRB5CCNAME': ccache})
    check_facade(lab, site, '--user', 'alice', env=password)
    check_facade(lab, site, '--user', 'alice', '--domain', site.realm, env=password)
    check_facade(lab, site, '--user', site.principal('alice'), env=password)
    check_facade(lab, site, '--user', 'alice', '--domain', site.host.env['DOMAIN'], env=password)
    site.plain()


def sample(lab, site, env):
    """The sample of the documentation: level 10; exit status, stdout, stderr."""
    how = site.how(env=env)
    return site.host.run([*how['prefix'], os.path.join(lab.build, 'examples', 'netsessionenum'),
                          '\\\\' + site.target], env=how['env'])


def sample_samba(lab):
    """Level 10 is not Samba's; that it says so takes a logon."""
    site = lab.site('samba')
    status, _, err = sample(lab, site, {'KRB5CCNAME': site.kinit('cc', 'alice')})
    expect('exit status', status, 0)
    expect_in('stderr', err, 'A system error has occurred: %d' % INVALID_LEVEL)


def samba_cases():
    for dialect in '3.1.1', '3.0.2', '2.1':
        for source in 'ccache', 'password':
            yield 'samba.exchanges.%s.%s' % (dialect, source), exchanges(dialect, source)
    for what, case in (('ntlm-disabled', ntlm_disabled), ('same-rows', same_rows),
                       ('plain-user', plain_user), ('utf-8', other_letters),
                       ('many-groups', many_groups), ('other-names', other_names),
                       ('err.other-key', other_key),
                       ('facade.ctypes', facade_samba), ('facade.sample', sample_samba)):
        yield 'samba.' + what, case


# ---- sessiond alone -----------------------------------------------------------------------------

def at_server(lab, *options, **kwargs):
    """alice with a ticket at a sessiond of her own."""
    site = lab.site('mit')
    ccache = site.kinit('cc', 'alice')
    with site.server(*options) as server:
        target = 'localhost:%d' % server.port
        for level in '0', '1', '2', '10', '502':
            answer = check_kerberos(lab, site, '--level', level, target=target,
                                    env={'KRB5CCNAME': ccache}, **kwargs)
        expect('users', [row['user'] for row in answer['sessions']], ['alice'])
        expect_in('log', server.log(), r'%s\alice logged on' % site.realm)


def no_ntlm(lab):
    site = lab.site('mit')
    at_server(lab, '--no-ntlm')
    with site.server('--no-ntlm') as server:
        error = lab.error(site, '--use-kerberos=off', target='localhost:%d' % server.port,
                          **ntlm_user(site))
        expect_in('message', error['message'], 'NTLM')


def ntlm_only(lab):
    """A server without keys: a ticket for it is of no use, and "desired" goes on."""
    site = lab.site('mit')
    ccache = site.kinit('cc', 'alice')
    with Sessiond(lab.build, users=site.users) as server:
        how = {'target': 'localhost:%d' % server.port, 'env': {'KRB5CCNAME': ccache}}
        error = lab.error(site, '-k', **how)
        expect_in('message', error['message'], 'Kerberos')
        answer, _ = lab.ask(site, '--use-kerberos=desired', **how, **ntlm_user(site))
        expect('auth', answer['auth'], 'NTLM')


def server_key(spn, why):
    """The server has other keys than the KDC thinks; it alone knows what is wrong."""
    def case(lab):
        site = lab.site('mit')
        ccache = site.kinit('cc', 'alice')
        with site.server(keytab='stale.keytab') as server:
            how = {'target': 'localhost:%d' % server.port, 'env': {'KRB5CCNAME': ccache}}
            error = lab.error(site, '-k', '--target-name', spn, **how)
            expect_error(error, 'STATUS_LOGON_FAILURE', 1326, 'key may have changed',
                         'kdestroy', 'target name')
            expect_in('log', server.log(), why)
    return case


def reverse_skew(lab):
    """The KDC's clock is wrong, so the server finds the ticket to be of the future."""
    site = lab.site('mit')
    site.kdc.script('stop', site.directory)
    site.kdc.script('start', site.directory, '%+ds' % SKEW)
    try:
        ccache = site.kinit('cc', 'alice')
        error = lab.error(site, '-k', env={'KRB5CCNAME': ccache})
    finally:
        site.kdc.script('stop', site.directory)
        site.kdc.script('start', site.directory)
    expect_in('log', site.standing.log(), 'not yet valid')
    expect_in('message', error['message'].lower(), 'clock')


def sample_sessiond(lab):
    site = lab.site('mit')
    status, out, err = sample(lab, site, {'KRB5CCNAME': site.kinit('cc', 'alice')})
    expect('exit status', status, 0)
    expect_in('stdout', out, 'User:   alice')
    expect_in('stderr', err, 'Total of 1 entries enumerated')


def facade_sessiond(lab):
    site = lab.site('mit')
    check_facade(lab, site, env={'KRB5CCNAME': site.kinit('cc', 'alice')})
    check_facade(lab, site, '--user', site.principal('alice'),
                 env={'PASSWORD': site.passwords('alice')})


def mit_cases():
    for what, case in (
            ('levels', at_server), ('no-ntlm', no_ntlm),
            ('request-mic', lambda lab: at_server(lab, '--request-mic')),
            ('ntlm-only', ntlm_only),
            ('err.stale-key', server_key('cifs/stale.net.test', 'not found in keytab')),
            ('err.wrong-key', server_key('cifs/wrong.net.test', 'annot decrypt ticket')),
            ('err.no-key', server_key('cifs/fs1.net.test', 'not found in keytab')),
            ('err.skew-ahead', reverse_skew), ('facade.ctypes', facade_sessiond),
            ('facade.sample', sample_sessiond)):
        yield 'mit.' + what, case


# ---- running --------------------------------------------------------------------------------

def all_cases():
    for name, enctypes, own in (('mit', ENCTYPES, mit_cases),
                                ('samba', ('aes256', 'aes128', 'rc4'), samba_cases)):
        yield from source_cases(name)
        yield from choice_cases(name)
        yield from error_cases(name)
        yield from own()
        yield from protocol_cases(name, enctypes)


def run_all(lab, cases):
    """How many failed."""
    failed = 0
    for name, case in cases:
        why = run_case(lab, case)
        failed += why is not None
        print('ok %s' % name if why is None else 'FAIL %s: %s' % (name, why), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build')
    parser.add_argument('--only', action='append', metavar='NAME')
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    cases = [(name, case) for name, case in all_cases() if chosen(name, options.only)]
    if options.list:
        print('\n'.join(name for name, _ in cases))
        return 0
    if not cases:
        parser.error('no such case')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are ended too
    lab = Lab(options.bin)
    try:
        failed = run_all(lab, cases)
    finally:
        lab.stop()
    print('%d passed, %d failed' % (len(cases) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
