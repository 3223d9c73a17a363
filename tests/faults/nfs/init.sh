#!/bin/bash
# The first process in a Linux kernel that is an ordinary process of the host, whose files it sees, but cannot write.
# Makes three machines of it: the server, which exports two disks by NFS, and two clients, which have networks, names,
# processes and mounts of their own.
# In the environment, from the kernel's command line: SHARED, the one directory of the host that can be written to.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run TMPDIR=/run PYTHONPYCACHEPREFIX=/run/pycache
machine=$(dirname "$0")/machine.sh

mount -t proc proc /proc
mount -t sysfs sysfs /sys
for place in /run /mnt /srv /var/lib/nfs; do
    mount -t tmpfs tmpfs $place
done
mount -t hostfs -o "$SHARED" hostfs "$SHARED"
ip link set lo up

# Modules are not where modprobe looks for them, and cannot be linked there.
mkdir -p /run/modules/lib
ln -s /usr/lib/uml/modules /run/modules/lib/modules
for module in nfsd nfs nfsv3 nfsv4 veth; do
    modprobe -d /run/modules $module
done

# The server.
mkdir -p /var/lib/nfs/{rpc_pipefs,v4recovery,sm,sm.bak} /run/rpcbind /srv/{export,seconds}
touch /var/lib/nfs/{etab,rmtab,state}
mount -t ext4 /dev/ubda /srv/export
mount -t ext4 /dev/ubdb /srv/seconds
mount -t nfsd nfsd /proc/fs/nfsd
rpcbind -w
how=rw,sync,no_root_squash,insecure,no_subtree_check
exportfs -i -o $how,fsid=0 '*:/srv/export'
exportfs -i -o $how,fsid=1 '*:/srv/seconds'
rpc.mountd 2>/dev/null # it misses IPv6
rpc.nfsd --lease-time 10 --grace-time 10 8

# The clients.
mkdir /mnt/{v3,v4,seconds}
for i in 1 2; do
    ip netns add client$i
    ip link add server$i type veth peer name client$i netns client$i
    ip addr add 10.9.$i.1/24 dev server$i
    ip link set server$i up
    ip -n client$i addr add 10.9.$i.2/24 dev client$i
    ip -n client$i link set client$i up
    ip -n client$i link set lo up
    ip netns exec client$i unshare --uts --pid --mount --fork --mount-proc \
        bash "$machine" client$i "$SHARED" /dev/tty$i &
done
exec bash "$machine" server "$SHARED" /dev/tty0
