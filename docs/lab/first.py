import optim
from minigrad import Tensor
from optim import viz

p = Tensor([-1.5, 2.0], requires_grad=True)
optimizer = optim.Adam([p], lr=0.1)
for _ in range(1000):
    optimizer.zero_grad()
    loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    loss.backward()
    optimizer.step()
print(loss.item(), p.data)

viz.overview(viz.race("rosenbrock", ["SGD(lr=1e-3)", "Adam(lr=0.1)"], steps=300))
